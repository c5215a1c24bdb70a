using System.Net;
using EgressAgent.Testing.Tracing;

namespace EgressAgent.Engine.Tests.Redirect.Tracing;

/// <summary>
/// Packets that come to a router one after another, each with what becomes of it: <c>PACKET → OUTCOME</c>, as <see cref="Packet.Parse"/>
/// and <see cref="Outcome.ToString"/> have them. <c>forget flows</c> and <c>without ADDRESS</c> stand on lines of their own.
/// </summary>
internal sealed record Conversation(string Name, TracedRouter Router, string Text)
{
    /// <summary>Whether every packet's fate is as written.</summary>
    public bool HoldsWith(string script) => Play(script) == Text;

    /// <summary>The text, with what really becomes of the packets.</summary>
    /// <param name="script">Another ruleset than the router's own.</param>
    public string Play(string? script = null)
    {
        PacketTracer tracer = Router.Trace(script);
        return string.Join('\n', Text.Split('\n').Select(line => Play(tracer, line)));
    }

    private static string Play(PacketTracer tracer, string line)
    {
        if (line == "forget flows")
        {
            tracer.ForgetFlows();
            return line;
        }

        if (line.Split("without ") is ["", string address])
        {
            tracer.RemoveAddress(IPAddress.Parse(address));
            return line;
        }

        string packet = line.Split(" → ")[0];
        return $"{packet} → {tracer.Send(Packet.Parse(packet))}";
    }
}
