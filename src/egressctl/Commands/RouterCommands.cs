using System.CommandLine;
using System.Text.Json;
using EgressAgent.Control.Agent;
using EgressAgent.Control.Printing;
using EgressAgent.Model;
using EgressAgent.Model.Yaml;

namespace EgressAgent.Control.Commands;

/// <summary><c>egressctl show</c>: everything of one router.</summary>
internal static class ShowCommand
{
    internal static Command Create()
    {
        Argument<RouterKey> router = CommandLine.Router();
        var command = new Command("show", "Show everything of one router; exit 1 when it is not as it should be") { router };
        command.SetAction(parsed => CommandLine.Ask((agent, screen) => RunAsync(agent, screen, parsed.GetValue(router), parsed.GetValue(CommandLine.Json))));
        return command;
    }

    private static async Task<int> RunAsync(AgentClient agent, Screen screen, RouterKey key, bool json)
    {
        RouterView router = json ? await PrintJsonAsync(agent, screen, key).ConfigureAwait(false) : await agent.GetRouterAsync(key).ConfigureAwait(false);
        if (!json)
        {
            RouterPage.Print(screen, router);
        }

        return router.IsWell ? ExitCodes.Success : ExitCodes.Degraded;
    }

    /// <summary>Prints what there is to know of a router.</summary>
    internal static async Task<RouterView> PrintJsonAsync(AgentClient agent, Screen screen, RouterKey key)
    {
        RouterView router = await agent.GetRouterAsync(key).ConfigureAwait(false);
        screen.Raw(ViewJson.Write(router, ViewJson.Default.RouterView) + "\n");
        return router;
    }
}

/// <summary><c>egressctl get</c>: the custom resource.</summary>
internal static class GetCommand
{
    internal static Command Create()
    {
        Argument<RouterKey> router = CommandLine.Router();
        Option<string> output = new Option<string>("--output", "-o") { Description = "How to print it", DefaultValueFactory = _ => "yaml" }
            .AcceptOnlyFromAmong("yaml", "json");
        var command = new Command("get", "Print a router as the custom resource with its status; as a router file it asks for what is in force") { router, output };
        command.SetAction(parsed => CommandLine.Ask((agent, screen) => RunAsync(
            agent, screen, parsed.GetValue(router), parsed.GetValue(CommandLine.Json) || parsed.GetValue(output) == "json")));
        return command;
    }

    private static async Task<int> RunAsync(AgentClient agent, Screen screen, RouterKey key, bool json)
    {
        using JsonDocument resource = JsonDocument.Parse(await agent.GetResourceAsync(key).ConfigureAwait(false));
        screen.Raw(json ? ViewJson.Write(resource.RootElement) + "\n" : YamlText.Of(resource.RootElement));
        return ExitCodes.Success;
    }
}

/// <summary><c>egressctl explain</c>: what would become of a packet, and why.</summary>
internal static class ExplainCommand
{
    internal static Command Create()
    {
        Argument<RouterKey> router = CommandLine.Router();
        Argument<string> packet = new("packet")
        {
            Description = "What a client sends: tcp/8080, 8080/tcp, icmp",
            HelpName = "packet",
            CompletionSources = { "tcp/", "udp/", "sctp/", "icmp" },
        };
        Option<string> from = new("--from") { Description = "The client's address, as the router sees it; the node itself when none is given", DefaultValueFactory = _ => "" };
        Option<string> to = new("--to") { Description = "The address of a Service that it is sent to; the inside address when none is given", DefaultValueFactory = _ => "" };
        var command = new Command("explain", "Say what would become of a packet, and why; exit 1 when it would not be forwarded") { router, packet, from, to };
        command.SetAction(parsed => CommandLine.Ask(async (agent, screen) =>
        {
            ExplanationView explanation = await agent.ExplainAsync(
                parsed.GetValue(router), parsed.GetRequiredValue(packet), parsed.GetRequiredValue(from), parsed.GetRequiredValue(to)).ConfigureAwait(false);
            if (parsed.GetValue(CommandLine.Json))
            {
                screen.Raw(ViewJson.Write(explanation, ViewJson.Default.ExplanationView) + "\n");
            }
            else
            {
                ExplanationPage.Print(screen, explanation);
            }

            return explanation.Answers.Any(answer => answer.Fate == "forwarded") ? ExitCodes.Success : ExitCodes.Degraded;
        }));
        return command;
    }
}
