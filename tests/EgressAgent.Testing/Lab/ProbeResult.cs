using System.Net;

namespace EgressAgent.Testing.Lab;

/// <summary>The end of one attempt to reach a server.</summary>
/// <param name="Outcome">How it ended.</param>
/// <param name="Answer">What the server said, where it said something: for an <see cref="EchoServer"/>, <c>peer -> local</c>.</param>
public sealed record ProbeResult(ProbeOutcome Outcome, string? Answer)
{
    /// <summary>The source address that the server saw, or null if there was no answer.</summary>
    public string? SeenSource => Outcome == ProbeOutcome.Answered ? Seen(0) : null;

    /// <summary>The <c>address:port</c> at which the server was reached, or null if there was no answer.</summary>
    public string? SeenTarget => Outcome == ProbeOutcome.Answered ? Answer!.Split(" -> ")[1] : null;

    private string Seen(int side) => IPEndPoint.Parse(Answer!.Split(" -> ")[side]).Address.ToString();
}
