using System.Net;

namespace EgressAgent.Testing.Tracing;

/// <summary>What became of a packet.</summary>
/// <param name="Fate">Dropped, taken by the netns itself, forwarded or sent, or answered.</param>
/// <param name="Link">The interface that it, or the answer, left by.</param>
/// <param name="Source">The source that was then on the wire.</param>
/// <param name="Destination">The destination likewise.</param>
/// <param name="Reason">What the netns answered: <c>tcp-reset</c>, <c>port-unreachable</c>, <c>echo-reply</c>; why it was dropped; <c>offloaded</c> when it bypassed the chains.</param>
public sealed record Outcome(Fate Fate, string? Link, IPEndPoint? Source, IPEndPoint? Destination, string? Reason)
{
    /// <summary><c>dropped by guard</c>, <c>local</c>, <c>net1 SOURCE > DESTINATION</c>, <c>net1 SOURCE > DESTINATION offloaded</c>, or <c>eth0 tcp-reset from SOURCE</c>.</summary>
    public override string ToString() => Fate switch
    {
        Fate.Left => $"{Link} {Text(Source!)} > {Text(Destination!)}{(Reason is null ? "" : $" {Reason}")}",
        Fate.Answered => $"{Link} {Reason} from {Source!.Address}",
        Fate.Local => "local",
        _ => $"dropped {Reason}",
    };

    internal static Outcome Dropped(string reason) => new(Fate.Dropped, null, null, null, reason);

    private static string Text(IPEndPoint endPoint) => endPoint.Port == 0 ? $"{endPoint.Address}" : $"{endPoint}";
}
