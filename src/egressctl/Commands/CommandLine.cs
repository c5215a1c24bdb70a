using System.CommandLine;
using System.CommandLine.Completions;
using System.CommandLine.Parsing;
using EgressAgent.Control.Agent;
using EgressAgent.Control.Printing;
using EgressAgent.Linux;
using EgressAgent.Linux.Bus;
using EgressAgent.Model;

namespace EgressAgent.Control.Commands;

/// <summary>What the commands have in common.</summary>
internal static class CommandLine
{
    /// <summary>How long a shell waits for the names of routers.</summary>
    private static readonly TimeSpan CompletionTime = TimeSpan.FromMilliseconds(500);

    internal static readonly Option<bool> Json = new("--json") { Description = "Print JSON, for programs", Recursive = true };

    /// <summary>One router, by name.</summary>
    internal static Argument<RouterKey> Router() => new("router")
    {
        Description = "[NAMESPACE/]NAME",
        CustomParser = ParseRouter,
        CompletionSources = { CompleteRouters },
    };

    /// <summary>One router, or all.</summary>
    internal static Argument<RouterKey?> OptionalRouter() => new("router")
    {
        Description = "[NAMESPACE/]NAME; all routers when none is given",
        Arity = ArgumentArity.ZeroOrOne,
        CustomParser = result => ParseRouter(result),
        CompletionSources = { CompleteRouters },
    };

    /// <summary>Asks the agent, and says what went wrong.</summary>
    /// <param name="ask">Asks, and prints the answer.</param>
    /// <param name="withoutAgent">What to do where no agent answers, and why none does; null for an error.</param>
    /// <returns>The exit code.</returns>
    internal static int Ask(Func<AgentClient, Screen, Task<int>> ask, Func<string, int>? withoutAgent = null)
    {
        withoutAgent ??= why => Fail(why, ExitCodes.NoAgent);
        using Screen screen = new();
        try
        {
            return AskAsync(ask, screen).GetAwaiter().GetResult();
        }
        catch (LinuxException failure)
        {
            return withoutAgent($"no agent can be asked: {failure.Message}");
        }
        catch (BusException error) when (IsNobody(error))
        {
            return withoutAgent("egress-agentd is not running; to start it: systemctl start egress-agentd");
        }
        catch (BusException error)
        {
            return Fail(error.Message, ExitCodes.Usage);
        }
        catch (IOException)
        {
            // Who reads standard output has heard enough: head(1).
            return ExitCodes.Success;
        }
    }

    /// <summary>Nobody has the agent's name on the bus.</summary>
    internal static bool IsNobody(BusException error) => error.Name is BusErrorNames.ServiceUnknown or BusErrorNames.NameHasNoOwner;

    private static async Task<int> AskAsync(Func<AgentClient, Screen, Task<int>> ask, Screen screen)
    {
        using AgentClient agent = await AgentClient.OpenAsync().ConfigureAwait(false);
        return await ask(agent, screen).ConfigureAwait(false);
    }

    /// <summary>Says on standard error what went wrong.</summary>
    /// <returns>The exit code.</returns>
    internal static int Fail(string message, int exitCode)
    {
        Console.Error.WriteLine($"egressctl: {message}");
        return exitCode;
    }

    private static RouterKey ParseRouter(ArgumentResult result)
    {
        if (result.Tokens is [var token] && RouterKey.TryParse(token.Value, out RouterKey key))
        {
            return key;
        }

        result.AddError("a router is [NAMESPACE/]NAME");
        return default;
    }

    private static IEnumerable<CompletionItem> CompleteRouters(CompletionContext context) => Complete(async agent =>
        (await agent.ListRoutersAsync().ConfigureAwait(false)).Select(key => key.Namespace == RouterKey.DefaultNamespace ? key.Name : key.ToString()));

    /// <summary>What the running agent knows; nothing when none answers soon.</summary>
    internal static IEnumerable<CompletionItem> Complete(Func<AgentClient, Task<IEnumerable<string>>> list)
    {
        try
        {
            return AskAsync().WaitAsync(CompletionTime).GetAwaiter().GetResult().Select(word => new CompletionItem(word));
        }
        catch (Exception)
        {
            // Whatever it is: the shell completes what it can.
            return [];
        }

        async Task<IEnumerable<string>> AskAsync()
        {
            using AgentClient agent = await AgentClient.OpenAsync().ConfigureAwait(false);
            return await list(agent).ConfigureAwait(false);
        }
    }
}
