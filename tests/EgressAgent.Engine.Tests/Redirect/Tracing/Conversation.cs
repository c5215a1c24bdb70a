using System.Net;
using EgressAgent.Engine.Redirect;
using EgressAgent.Testing.Tracing;

namespace EgressAgent.Engine.Tests.Redirect.Tracing;

/// <summary>
/// Packets that come to a router one after another, each with what becomes of it: <c>PACKET → OUTCOME</c>, as <see cref="Packet.Parse"/>
/// and <see cref="Outcome.ToString"/> have them. <c>forget flows</c>, <c>without ADDRESS</c> and
/// <c>flows → COUNT</c> stand on lines of their own, and so does <c>COUNTER → COUNT</c> for a named counter of the ruleset.
/// </summary>
internal sealed record Conversation(string Name, TracedRouter Router, string Text)
{
    /// <summary>Whether every packet's fate is as written.</summary>
    public bool HoldsWith(string script) => Play(script) == Text && CountRefusals(script) == CountRefusals(script: null);

    /// <summary>The text, with what really becomes of the packets.</summary>
    /// <param name="script">Another ruleset than the router's own.</param>
    public string Play(string? script = null)
    {
        PacketTracer tracer = Router.Trace(script);
        return string.Join('\n', Text.Split('\n').Select(line => Play(tracer, line)));
    }

    private (int NoRule, int NotInClients) CountRefusals(string? script)
    {
        PacketTracer tracer = Router.Trace(script);
        foreach (string line in Text.Split('\n'))
        {
            Play(tracer, line);
        }

        return (tracer.CountOf(RulesetNames.NoRule), tracer.CountOf(RulesetNames.NotInClients));
    }

    private static string Play(PacketTracer tracer, string line)
    {
        if (line.StartsWith("refused_", StringComparison.Ordinal))
        {
            string counter = line.Split(" → ")[0];
            return $"{counter} → {tracer.CountOf(counter)}";
        }

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

        if (line.StartsWith("flows → ", StringComparison.Ordinal))
        {
            return $"flows → {tracer.FlowCount}";
        }

        string packet = line.Split(" → ")[0];
        return $"{packet} → {tracer.Send(Packet.Parse(packet))}";
    }
}
