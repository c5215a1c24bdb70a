using System.Net;
using EgressAgent.Engine.Clients;
using EgressAgent.Engine.Records;
using EgressAgent.Linux;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink.Conntrack;
using EgressAgent.Model;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;

namespace EgressAgent.Engine.Relay;

/// <summary>Makes records of one router's relayed flows, by the relay's own books. Its loops call it; it holds them up with nothing.</summary>
/// <param name="key">The router.</param>
/// <param name="netns">Its namespace.</param>
/// <param name="recorder">Where the records go.</param>
/// <param name="clients">Who knows whose flows they are; null for nobody.</param>
internal sealed class RelayRecords(RouterKey key, NetworkNamespace netns, FlowRecorder recorder, ClientFinder? clients) : IDisposable
{
    private readonly Lock _lock = new();
    private ConntrackTable? _tracked;
    private bool _isDisposed;

    /// <summary>Which flows are recorded.</summary>
    internal volatile FlowLogMode Mode;

    /// <summary>Whether Services may have brought them.</summary>
    internal volatile bool IsBehindService;

    /// <summary>A flow has begun. Without a source port nothing of it has left.</summary>
    internal void Begin(TimedSource flow)
    {
        if (Mode == FlowLogMode.None)
        {
            return;
        }

        RelayFlow begun = flow.Describe();
        if (begun.Source.Port == 0)
        {
            return;
        }

        Expect(flow);
        ClientQuestion? client = flow.Who = Ask(begun);
        if (Mode == FlowLogMode.All)
        {
            recorder.Add(ToRecord(begun, FlowEvent.Start), record => Complete(record, client));
        }
    }

    /// <summary>A flow is over; it can still be described.</summary>
    /// <param name="flow">The flow.</param>
    /// <param name="loop">Where it lived.</param>
    internal void End(TimedSource flow, RelayLoop loop)
    {
        bool isExpected = flow.IsRecordExpected;
        if (Mode == FlowLogMode.None && !isExpected)
        {
            return;
        }

        RelayFlow ended = flow.Describe();
        ClientQuestion? client = flow.Who;
        if (Mode != FlowLogMode.None && ended.Source.Port != 0)
        {
            flow.IsRecordExpected = false;
            recorder.Add(
                ToRecord(ended, FlowEvent.End) with
                {
                    End = loop.ToUtc(loop.Now),
                    BytesTo = (ulong)ended.BytesToDestination,
                    BytesFrom = (ulong)ended.BytesToClient,
                },
                record => Complete(record, client),
                isExpected);
        }
        else
        {
            Forgo(flow);
        }
    }

    /// <summary>For a flow that lives while <see cref="Mode"/> changes: from here on it is to have a record, or not any more.</summary>
    internal void Follow(TimedSource flow)
    {
        if (Mode == FlowLogMode.None)
        {
            Forgo(flow);
        }
        else if (!flow.IsRecordExpected)
        {
            flow.NoteSource();
            if (flow.Describe().Source.Port != 0)
            {
                Expect(flow);
            }
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _isDisposed = true;
            _tracked?.Dispose();
        }
    }

    private ClientQuestion? Ask(RelayFlow begun)
    {
        if (clients?.Ask(begun.Protocol.Number(), begun.Client, begun.Inside, begun.StartedAt, IsBehindService ? null : false) is not { } inquiry)
        {
            return null;
        }

        clients.Queue(inquiry);
        return inquiry.Question;
    }

    private void Expect(TimedSource flow)
    {
        flow.IsRecordExpected = true;
        recorder.Expect();
    }

    private void Forgo(TimedSource flow)
    {
        if (flow.IsRecordExpected)
        {
            flow.IsRecordExpected = false;
            recorder.Forgo();
        }
    }

    private FlowRecord ToRecord(RelayFlow flow, FlowEvent told) => new(
        told, key, flow.Rule is { } rule ? $"{rule.Port}/{rule.Protocol}" : FlowRecord.Fallback, flow.Protocol.Number(), flow.Client, flow.Source, flow.Destination)
    {
        InsidePort = (ushort)flow.Inside.Port,
        Start = flow.StartedAt,
    };

    private FlowRecord Complete(FlowRecord record, ClientQuestion? client)
    {
        FlowRecord told = FindSource(record);
        return client is null ? told : client.Complete(told);
    }

    // A port that another flow holds towards the same destination the kernel replaces on the way, and getsockname(2) does not tell.
    private FlowRecord FindSource(FlowRecord record)
    {
        try
        {
            lock (_lock)
            {
                if (_isDisposed)
                {
                    return record;
                }

                _tracked ??= ConntrackTable.Open(netns);
                var sent = new ConntrackTuple(record.Protocol, record.Source.Address, record.Destination.Address)
                {
                    SourcePort = (ushort)record.Source.Port,
                    DestinationPort = (ushort)record.Destination.Port,
                };
                return _tracked.Find(sent)?.Reply is { DestinationPort: { } port } answered
                    ? record with { Source = new IPEndPoint(answered.Destination, port) }
                    : record;
            }
        }
        catch (LinuxException)
        {
            return record;
        }
    }
}
