using System.CommandLine;
using EgressAgent.Daemon.Hosting;
using EgressAgent.Engine.Kernel;
using EgressAgent.Linux;
using EgressAgent.Model;

namespace EgressAgent.Daemon.Commands;

/// <summary><c>egress-agentd cleanup</c>: takes everything away that the agent made, in the kernel and in the state directory.</summary>
internal static class CleanupCommand
{
    private static readonly Option<string> State = new("--state") { Description = "The directory of the state database", DefaultValueFactory = _ => Paths.State };

    internal static Command Create()
    {
        var command = new Command("cleanup", "Remove all routers from the kernel, and the state; the agent must not be running") { State };
        command.SetAction(parsed => Run(parsed.GetRequiredValue(State)));
        return command;
    }

    private static int Run(string state)
    {
        bool isClean = true;
        using (var kernel = new LinuxKernel())
        {
            foreach (RouterKey key in kernel.ListRouters())
            {
                isClean &= RemoveRouter(kernel, key);
            }

            kernel.ReleaseInsideNetworks();
        }

        return isClean && RemoveState(state) ? ExitCodes.Success : ExitCodes.Failure;
    }

    private static bool RemoveRouter(LinuxKernel kernel, RouterKey key)
    {
        try
        {
            RouterRemoval.Run(kernel, key, step => Console.WriteLine($"{key}: {step}"));
            return true;
        }
        catch (LinuxException exception)
        {
            Console.Error.WriteLine($"{key}: {exception.Message}");
            return false;
        }
    }

    private static bool RemoveState(string state)
    {
        try
        {
            string[] files = Directory.Exists(state)
                ? [.. Directory.GetFiles(state, "state*.db*"), .. Directory.GetFiles(state, AgentConfigurationLoader.LastGoodName + "*")]
                : [];
            foreach (string file in files)
            {
                File.Delete(file);
                Console.WriteLine($"removed {file}");
            }

            return true;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"{state}: {exception.Message}");
            return false;
        }
    }
}
