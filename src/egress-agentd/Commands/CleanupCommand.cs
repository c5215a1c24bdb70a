using System.CommandLine;
using EgressAgent.Daemon.Hosting;
using EgressAgent.Daemon.Names;
using EgressAgent.Daemon.State;
using EgressAgent.Engine.Kernel;
using EgressAgent.Linux;
using EgressAgent.Linux.Files;
using EgressAgent.Model;

namespace EgressAgent.Daemon.Commands;

/// <summary><c>egress-agentd cleanup</c>: takes everything away that the agent made, in the kernel and in the state directory.</summary>
internal static class CleanupCommand
{
    private static readonly Option<bool> KeepState = new("--keep-state") { Description = "Leave the state, so that routers get again what they had" };
    private static readonly Option<string> State = new("--state") { Description = "The directory of the state database", DefaultValueFactory = _ => Paths.State };

    internal static Command Create()
    {
        var command = new Command("cleanup", "Remove all routers from the kernel, and the state; the agent must not be running") { State, KeepState };
        command.SetAction(parsed => Run(parsed.GetRequiredValue(State), parsed.GetValue(KeepState)));
        return command;
    }

    private static int Run(string state, bool keepsState)
    {
        try
        {
            using var taken = StateLock.Take(state);
            return RemoveRouters(state) && (keepsState || RemoveState(state)) ? ExitCodes.Success : ExitCodes.Failure;
        }
        catch (StateInUseException inUse)
        {
            Console.Error.WriteLine($"egress-agentd: {inUse.Message}");
            return ExitCodes.InUse;
        }
    }

    private static bool RemoveRouters(string state)
    {
        bool isClean = true;
        using (var kernel = new LinuxKernel(AgentOwner.Of(state), runtime: IsDefault(state) ? Paths.Runtime : null))
        {
            foreach (RouterKey key in kernel.ListRouters())
            {
                isClean &= RemoveRouter(kernel, key);
            }

            kernel.RemoveServices();
            IReadOnlyList<ForeignNetns> foreign = kernel.ListForeign();
            foreach (ForeignNetns left in foreign)
            {
                Console.WriteLine(left.Why);
            }

            // Another agent's routers need them too, and it would hold them again.
            if (!foreign.Any(left => left.IsOfAgent))
            {
                kernel.ReleaseNetworks(kept: []);
            }
        }

        return isClean && RemoveNames(state);
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

    private static bool RemoveNames(string state)
    {
        (HostsDirectory directory, EtcHosts hosts, StaticRecords records) = NameWriter.PlacesOf(Paths.Runtime, AgentOwner.Of(state));

        // What is there is that of the agent with the default state; the others have their owner's mark.
        return (!IsDefault(state) || (RemoveNames(directory, directory.Remove) & RemoveResolvers(ResolverFiles.DirectoryIn(Paths.Runtime))))
            & RemoveNames(hosts, () => hosts.Write([])) & RemoveNames(records, () => records.Write([]));
    }

    private static bool IsDefault(string state) => RealPath.Of(state) == RealPath.Of(Paths.State);

    private static bool RemoveNames(NamePlace place, Func<ValueList<Diagnostic>> remove)
    {
        try
        {
            ValueList<Diagnostic> faults = remove();
            foreach (Diagnostic fault in faults)
            {
                Console.Error.WriteLine(fault);
            }

            return faults.Count == 0;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or LinuxException)
        {
            Console.Error.WriteLine($"{place.Path}: {exception.Message}");
            return false;
        }
    }

    private static bool RemoveResolvers(string directory)
    {
        try
        {
            if (Directory.Exists(directory))
            {
                Directory.Delete(directory, recursive: true);
            }

            return true;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"{directory}: {exception.Message}");
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
