namespace EgressAgent.Engine;

/// <summary>Takes in the flows of a router.</summary>
public interface IFlowVisitor
{
    /// <summary>There may be so many.</summary>
    void Expect(int count);

    /// <summary>There is this one, which is the caller's. The same one may come twice.</summary>
    void Visit(in LivingFlow flow);
}
