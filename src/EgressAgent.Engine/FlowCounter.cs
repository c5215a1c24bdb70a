using EgressAgent.Model;
using EgressAgent.Model.Status;

namespace EgressAgent.Engine;

/// <summary>Counts flows by protocol.</summary>
internal sealed class FlowCounter
{
    private readonly ulong[] _counts = new ulong[byte.MaxValue + 1];

    internal void Add(byte protocol) => _counts[protocol]++;

    internal ValueList<FlowCount> Read() =>
        [.. Enumerable.Range(0, _counts.Length).Where(protocol => _counts[protocol] > 0).Select(protocol => new FlowCount(LivingFlow.NameOf((byte)protocol), _counts[protocol]))];
}
