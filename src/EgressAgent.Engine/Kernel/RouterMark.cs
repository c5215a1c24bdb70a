using System.Text;
using EgressAgent.Engine.Redirect;
using EgressAgent.Model;

namespace EgressAgent.Engine.Kernel;

/// <summary>
/// By what an agent knows its own again: an alias, as <c>ip link</c> shows it, of the loopback of a router's netns and of its link on
/// the node. <c>egress-agentd 0f1e2d3c4b5a6978 default/web /var/lib/egress-agentd</c>.
/// </summary>
internal sealed record RouterMark(string Owner, string Router, string StateDirectory)
{
    private const string Agent = "egress-agentd";

    // No router's: a namespace and a slash are missing.
    private const string Services = "Services";

    // IFALIASZ, without the zero at its end.
    private const int MaxAlias = 255;

    /// <summary>What the agent writes.</summary>
    internal static string Text(AgentOwner owner, RouterKey key) => Text(owner, Ruleset.Abbreviate(key));

    /// <summary>What the agent writes on the netns of Services.</summary>
    internal static string TextOfServices(AgentOwner owner) => Text(owner, Services);

    /// <summary>Null where there is none.</summary>
    internal static RouterMark? TryParse(string? alias) =>
        alias?.Split(' ', 4) is [Agent, var owner, var router, var state] ? new RouterMark(owner, router, state) : null;

    internal bool IsOfServices(AgentOwner owner) => Owner == owner.Id && Router == Services;

    internal bool IsOf(AgentOwner owner, RouterKey key) => Owner == owner.Id && Router == Ruleset.Abbreviate(key);

    private static string Text(AgentOwner owner, string whose)
    {
        string text = $"{Agent} {owner.Id} {whose} {owner.StateDirectory}";
        while (Encoding.UTF8.GetByteCount(text) > MaxAlias)
        {
            text = text[..^1];
        }

        return text;
    }
}
