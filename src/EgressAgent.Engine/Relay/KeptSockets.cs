using EgressAgent.Linux.Interop;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Systemd;

namespace EgressAgent.Engine.Relay;

/// <summary>
/// The sockets of one router that outlive the agent, so that clients wait in them while it restarts instead of being refused.
/// They carry the name of the network namespace that they belong to: one made anew under the same path finds none of them.
/// </summary>
internal sealed class KeptSockets(DescriptorStore store, NetworkNamespaceId netns)
{
    private string Steering => $"relay/{netns.Inode}/steering";

    internal FileHandle? Take(IngressKey place) => store.Take(NameOf(place));

    internal FileHandle? TakeSteering() => store.Take(Steering);

    internal void Keep(IngressKey place, FileHandle socket) => store.Keep(NameOf(place), socket);

    internal void KeepSteering(FileHandle link) => store.Keep(Steering, link);

    internal void Forget(IngressKey place) => store.Forget(NameOf(place));

    internal void ForgetSteering() => store.Forget(Steering);

    private string NameOf(IngressKey place) =>
        $"relay/{netns.Inode}/{place.Protocol.ToString().ToLowerInvariant()}{(place.IsIPv6 ? "6" : "4")}/{place.Port}";
}
