using System.Globalization;
using System.Net;
using EgressAgent.Engine.Clients;
using EgressAgent.Engine.Records;
using EgressAgent.Engine.Redirect;
using EgressAgent.Linux;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink.Conntrack;
using EgressAgent.Linux.Netlink.Monitoring;
using EgressAgent.Linux.Systemd;
using EgressAgent.Model;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;

namespace EgressAgent.Engine.Kernel;

/// <summary>
/// Hears of the flows that end in routers' namespaces, and begin where that is asked for, on a thread of its own, since there may be
/// thousands a second. Where a store keeps its sockets, it goes on with what has happened since the agent before. Thread-safe.
/// </summary>
/// <param name="ended">Called on that thread, or on the caller's own; it returns at once.</param>
/// <param name="records">Where records go; null for nowhere.</param>
/// <param name="store">Where the sockets outlive the agent; null when they do not.</param>
/// <param name="clients">Who knows whose flows they are; null for nobody.</param>
internal sealed partial class FlowEnds(
    Action<RouterKey, RouterFlow> ended, FlowRecorder? records = null, DescriptorStore? store = null, ClientFinder? clients = null) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly NetlinkMonitorLoop _loop = new("conntrack");
    private readonly Lazy<NetlinkMonitorLoop> _startsLoop = new(() => new NetlinkMonitorLoop("flow-starts"));
    private readonly Dictionary<RouterKey, Listening> _routers = [];

    /// <summary>
    /// Begins to listen in a router's namespace, which is kept alive until <see cref="Stop"/>, and makes records of the flows that the
    /// plan wants them of.
    /// </summary>
    /// <param name="plan">The plan that is to be in force.</param>
    /// <param name="netns">The router's.</param>
    /// <param name="isNew">Whether no earlier agent had it.</param>
    /// <exception cref="LinuxException">No descriptor is left, or the kernel refused one.</exception>
    internal void Listen(RedirectPlan plan, NetworkNamespace netns, bool isNew)
    {
        lock (_lock)
        {
            if (_routers.TryGetValue(plan.Key, out Listening? listening) && listening.Netns == netns.Id)
            {
                listening.Follow(plan);
                HearStarts(listening, plan, netns, isListening: true);
                return;
            }

            Remove(plan.Key)?.Close(store);
            listening = Open(plan, netns, isNew);
            try
            {
                listening.Monitor.HearStarts(plan.FlowLog == FlowLogMode.All);
                HearStarts(listening, plan, netns, isListening: false);
                if (!isNew && plan.FlowLog != FlowLogMode.None)
                {
                    AskForLiving(listening, netns);
                }

                _routers.Add(plan.Key, listening);
                _loop.Add(listening.Monitor, () => Read(listening));
                if (listening.Starts is { } starts)
                {
                    _startsLoop.Value.Add(starts, () => AnswerStarts(listening, starts));
                }
            }
            catch
            {
                Remove(plan.Key);
                listening.Dispose();
                throw;
            }
        }
    }

    /// <summary>Stops listening, once all that was told is read; that nobody listens is no error.</summary>
    internal void Stop(RouterKey key)
    {
        lock (_lock)
        {
            if (Remove(key) is { } listening)
            {
                Drain(listening);
                listening.Close(store);
            }
        }
    }

    /// <summary>
    /// As <see cref="Stop"/>, of a namespace that is about to go: it would take its flows with it, untold. So they are ended first.
    /// No packet must come into it any more.
    /// </summary>
    internal void Finish(RouterKey key, NetworkNamespace netns)
    {
        lock (_lock)
        {
            if (_routers.GetValueOrDefault(key)?.Netns != netns.Id)
            {
                return;
            }

            try
            {
                using ConntrackTable table = ConntrackTable.Open(netns);
                table.Flush();
            }
            catch (LinuxException refusal)
            {
                records?.Lose(1, $"the flows of {key} could not be ended before its network namespace: {refusal.Message}");
            }

            Stop(key);
        }
    }

    /// <summary>Stops listening in that namespace here; in a store, its socket goes on for the next agent.</summary>
    internal void Leave(RouterKey key, NetworkNamespaceId netns)
    {
        lock (_lock)
        {
            if (_routers.GetValueOrDefault(key)?.Netns == netns)
            {
                Remove(key)!.Dispose();
            }
        }
    }

    public void Dispose()
    {
        if (_startsLoop.IsValueCreated)
        {
            _startsLoop.Value.Dispose();
        }

        _loop.Dispose();
        foreach (Listening listening in _routers.Values)
        {
            listening.Dispose();
        }
    }

    // Of records of ends alone, who the clients are is asked at the beginning all the same; those sockets have room of their own, so
    // that no end is lost for it, and a thread of their own, which finds it out at once.
    private void HearStarts(Listening listening, RedirectPlan plan, NetworkNamespace netns, bool isListening)
    {
        bool isWanted = clients is not null && plan.FlowLog == FlowLogMode.Closed;
        if (listening.Starts is { } known)
        {
            known.HearStarts(isWanted);
        }
        else if (isWanted)
        {
            ConntrackMonitor starts = ConntrackMonitor.OpenStarts(netns);
            listening.Starts = starts;
            if (isListening)
            {
                _startsLoop.Value.Add(starts, () => AnswerStarts(listening, starts));
            }
        }
    }

    // Connections of TCP have one process, also long after their beginning. Not while the loop has the monitors.
    private void AskForLiving(Listening listening, NetworkNamespace netns)
    {
        try
        {
            using ConntrackTable table = ConntrackTable.Open(netns);
            foreach (ConntrackEntry flow in KernelTraffic.ListFlows(table).Where(flow => flow.Original.Protocol == TransportProtocol.TCP.Number()))
            {
                Queue(Ask(new ConntrackEvent(flow, IsStart: true), listening));
            }
        }
        catch (LinuxException)
        {
            // Their records are without it.
        }
    }

    private Listening? Remove(RouterKey key)
    {
        if (_routers.Remove(key, out Listening? listening))
        {
            _loop.Remove(listening.Monitor);
            if (listening.Starts is { } starts)
            {
                _startsLoop.Value.Remove(starts);
            }
        }

        return listening;
    }

    private Listening Open(RedirectPlan plan, NetworkNamespace netns, bool isNew)
    {
        string prefix = $"conntrack/{netns.Id.Inode}/";
        if (store?.TakeFirst(prefix) is { } kept)
        {
            // The name says how much was told to be lost.
            _ = uint.TryParse(kept.Name.AsSpan(prefix.Length), CultureInfo.InvariantCulture, out uint toldLost);
            return new Listening(plan, netns.Id, ConntrackMonitor.Adopt(kept.Handle, netns, toldLost))
            {
                KeptAs = kept.Name,
            };
        }

        var listening = new Listening(plan, netns.Id, ConntrackMonitor.Open(netns));
        if (!isNew && plan.FlowLog != FlowLogMode.None)
        {
            records?.Lose(
                1, $"no agent listened for a time, and how many flows of {plan.Key} ended meanwhile is not known; the service keeps what the kernel tells over its restarts");
        }

        Keep(listening, prefix);
        return listening;
    }

    private void Keep(Listening listening, string prefix)
    {
        listening.KeptAs = $"{prefix}{listening.Monitor.Lost}";
        store?.Keep(listening.KeptAs, listening.Monitor.Handle);
    }

    private void Drain(Listening listening)
    {
        while (Read(listening))
        {
        }
    }

    // Whether there was something. Of a monitor that is in the loop, on its thread alone.
    private bool Read(Listening listening)
    {
        RedirectPlan plan = listening.Plans.Plan;
        IReadOnlyList<ConntrackEvent> events = listening.Monitor.Read(told => Count(told, plan.Key));

        // The beginnings of all these.
        if (listening.Starts is { } starts)
        {
            ReadStarts(listening, starts).ForEach(inquiry => Queue(inquiry));
        }

        foreach (ConntrackEvent told in events)
        {
            OnTold(told, listening);
        }

        uint lost = listening.Monitor.TakeLost();
        if (lost > 0)
        {
            string name = listening.KeptAs!;
            store?.Forget(name);
            Keep(listening, name[..(name.LastIndexOf('/') + 1)]);
            if (plan.FlowLog != FlowLogMode.None)
            {
                records?.Lose(lost, $"flows of {plan.Key} ended faster than the agent was told of them; it hung, or the node is overloaded");
            }
        }

        return events.Count > 0;
    }

    private void AnswerStarts(Listening listening, ConntrackMonitor starts)
    {
        foreach (ClientInquiry inquiry in ReadStarts(listening, starts))
        {
            clients!.Answer(inquiry);
        }
    }

    // Two threads may; what one of them has read is noted when the other one has its turn.
    private List<ClientInquiry> ReadStarts(Listening listening, ConntrackMonitor starts)
    {
        lock (starts)
        {
            return [.. starts.Read().Select(told => Ask(told, listening)).OfType<ClientInquiry>()];
        }
    }

    private ClientInquiry? Ask(ConntrackEvent told, Listening listening)
    {
        // Clients of external addresses are other machines.
        if (told.Flow is { } flow
            && flow.Status.HasFlag(ConntrackStatus.DestinationNat)
            && (flow.Mark & PacketMarks.FromLan) == 0
            && flow.Original is { SourcePort: { } from, DestinationPort: { } to } original
            && clients?.Ask(
                original.Protocol,
                new IPEndPoint(original.Source, from),
                new IPEndPoint(original.Destination, to),
                flow.Told,
                (flow.Mark & PacketMarks.ByService) != 0) is { } inquiry)
        {
            listening.Clients.Note(flow, inquiry.Question);
            return inquiry;
        }

        return null;
    }

    private ClientQuestion? Queue(ClientInquiry? inquiry)
    {
        if (inquiry is not null)
        {
            clients!.Queue(inquiry);
        }

        return inquiry?.Question;
    }

    private void OnTold(ConntrackEvent told, Listening listening)
    {
        (RedirectPlan plan, RedirectPlan? former) = listening.Plans;
        ClientQuestion? client = told.IsStart ? Queue(Ask(told, listening)) : listening.Clients.Take(told.Flow);
        if (told.Flow is null && plan.FlowLog != FlowLogMode.None)
        {
            records?.Lose(1, $"the kernel told of a flow of {plan.Key} in words that this version does not know");
        }

        if (plan.FlowLog != FlowLogMode.None && KernelRecords.TryMake(told, plan, former, DateTimeOffset.UtcNow) is { } record)
        {
            records?.Add(record, client is null ? null : client.Complete);
        }
    }

    // Before the kernel takes it for received.
    private void Count(ConntrackEvent told, RouterKey key)
    {
        if (!told.IsStart && told.Flow is { } flow && flow.Status.HasFlag(ConntrackStatus.DestinationNat))
        {
            ended(key, KernelTraffic.ToRouterFlow(flow));
        }
    }
}
