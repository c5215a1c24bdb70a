using System.Runtime.InteropServices;
using EgressAgent.Linux.Netlink.Conntrack;
using EgressAgent.Linux.Sockets;

namespace EgressAgent.Engine.Clients;

/// <summary>Who began the flows of one namespace that live, for the records of their ends. Thread-safe.</summary>
internal sealed class FlowClients
{
    // Ends that are not told leave theirs behind.
    private const int MaxClients = 262_144;

    private readonly Dictionary<ulong, ClientQuestion> _clients = [];

    /// <summary>A flow has begun.</summary>
    internal void Note(ConntrackEntry flow, ClientQuestion client)
    {
        lock (_clients)
        {
            if (_clients.Count >= MaxClients)
            {
                _clients.Clear();
            }

            ref ClientQuestion? first = ref CollectionsMarshal.GetValueRefOrAddDefault(_clients, NameOf(flow), out _);
            if (first is null)
            {
                first = client;
                return;
            }

            ClientQuestion last = first;
            while (last.Next is { } next)
            {
                last = next;
            }

            last.Next = client;
        }
    }

    /// <summary>A flow is over; null where nothing was asked of it.</summary>
    internal ClientQuestion? Take(ConntrackEntry? flow)
    {
        lock (_clients)
        {
            if (_clients.Count == 0 || flow is null || !_clients.Remove(NameOf(flow), out ClientQuestion? client))
            {
                return null;
            }

            // Of flows whose ends were not told there may be earlier ones.
            while (client is not null && client.AskedAt < flow.Start)
            {
                client = client.Next;
            }

            if (client?.Next is { } later)
            {
                _clients[NameOf(flow)] = later;
            }

            return client;
        }
    }

    // The kernel's number, and its client's end. A later flow may have it too, while the end of this one waits to be read.
    private static ulong NameOf(ConntrackEntry flow) =>
        ((ulong)flow.Id << 32) | (uint)HashCode.Combine(flow.Original.Protocol, new SocketEndpoint(flow.Original.Source, flow.Original.SourcePort ?? 0));
}
