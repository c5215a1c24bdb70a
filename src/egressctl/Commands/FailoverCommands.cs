using System.CommandLine;
using EgressAgent.Control.Agent;
using EgressAgent.Control.Printing;
using EgressAgent.Linux;
using EgressAgent.Linux.Bus;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink.Claims;
using EgressAgent.Model;
using EgressAgent.Model.Planning;

namespace EgressAgent.Control.Commands;

/// <summary><c>egressctl claim</c>: this node holds a router that others may hold instead.</summary>
internal static class ClaimCommand
{
    internal static Command Create()
    {
        Argument<RouterKey> router = CommandLine.Router();
        var command = new Command(
            "claim", "Hold a router with `failover: manual` on this node, and return when the network was told; exit 1 when it cannot be had yet. For root") { router };
        command.SetAction(parsed => CommandLine.Ask((agent, screen) => RunAsync(agent, screen, parsed.GetValue(router), parsed.GetValue(CommandLine.Json))));
        return command;
    }

    private static async Task<int> RunAsync(AgentClient agent, Screen screen, RouterKey router, bool json)
    {
        int exitCode = ExitCodes.Success;
        try
        {
            await agent.ClaimAsync(router).ConfigureAwait(false);
        }
        catch (BusException error) when (error.Name == BusNames.NotHeld)
        {
            exitCode = CommandLine.Fail($"{error.Message}; the claim stands until egressctl release {router}", ExitCodes.Degraded);
        }

        if (json)
        {
            await ShowCommand.PrintJsonAsync(agent, screen, router).ConfigureAwait(false);
        }

        return exitCode;
    }
}

/// <summary><c>egressctl release</c>: this node does not hold a router any more, whether or not its agent is there.</summary>
internal static class ReleaseCommand
{
    internal static Command Create()
    {
        Argument<RouterKey> router = CommandLine.Router();
        var command = new Command("release", "Silence a router with `failover: manual` on this node, also without the agent. For root") { router };
        command.SetAction(parsed => Release(parsed.GetValue(router), parsed.GetValue(CommandLine.Json)));
        return command;
    }

    // An agent that hangs may answer too late or never, so it is not what silences the router.
    private static int Release(RouterKey router, bool json)
    {
        try
        {
            using NetworkNamespace? netns = NetworkNamespace.TryOpen(RouterNames.Netns(router));
            if (netns is not null)
            {
                ClaimedLink.Release(netns, RouterNames.ClaimMark, RouterNames.OutsideLink);
            }
        }
        catch (LinuxException refusal)
        {
            return CommandLine.Fail($"{router} is not released: {refusal.Message}", ExitCodes.Usage);
        }

        return CommandLine.Ask(
            async (agent, screen) =>
            {
                await agent.ReleaseAsync(router).ConfigureAwait(false);
                if (json)
                {
                    await ShowCommand.PrintJsonAsync(agent, screen, router).ConfigureAwait(false);
                }

                return ExitCodes.Success;
            },
            why => CommandLine.Fail($"{router} is silent on this node; {why}", ExitCodes.Success));
    }
}
