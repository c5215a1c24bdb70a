namespace EgressAgent.Model.Resources;

/// <summary>Which flows are written to the journal.</summary>
public enum FlowLogMode
{
    None,
    Closed,
    All,
}
