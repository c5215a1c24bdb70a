using System.CommandLine;
using System.Text.Json;
using EgressAgent.Control.Agent;
using EgressAgent.Control.Printing;
using EgressAgent.Control.Setup;
using EgressAgent.Linux;
using EgressAgent.Linux.Bus;
using EgressAgent.Linux.Journal;
using EgressAgent.Model;
using EgressAgent.Model.Configuration;
using EgressAgent.Model.Resources;

namespace EgressAgent.Control.Commands;

/// <summary><c>egressctl setup</c>: tells another program of this machine to let clients through to routers, or takes that back.</summary>
internal static class SetupCommand
{
    private const string Settings = "/etc/egress-agentd/agentd.yaml";
    private const string ClientsAnnotation = "egressagent.org/clients";

    internal static Command Create()
    {
        Argument<string> program = new("program") { Description = string.Join(", ", SetupPlan.Programs) };
        program.AcceptOnlyFromAmong(SetupPlan.Programs);
        Option<bool> dryRun = new("--dry-run") { Description = "Print what would be done, and do nothing" };
        Option<bool> undo = new("--undo") { Description = "Take back what was done" };
        var command = new Command("setup", "Have another program let clients through to routers, so that it lasts; prints and logs each step. For root") { program, dryRun, undo };
        command.SetAction(parsed => Run(parsed.GetValue(program)!, parsed.GetValue(dryRun), parsed.GetValue(undo)));
        return command;
    }

    private static int Run(string program, bool isDry, bool isUndone)
    {
        using Screen screen = new();
        if (!isDry && !Environment.IsPrivilegedProcess)
        {
            return Fail("to change settings of other programs needs root; --dry-run does not");
        }

        try
        {
            AgentConfiguration settings = ReadSettings();
            SetupPlan plan = SetupPlan.Of(program, [.. settings.InsideNetworks, .. settings.ServiceNetworks]);
            if (!isUndone && !Shell.Succeeds($"command -v {plan.Command}"))
            {
                return Fail($"{program} is not installed: there is no {plan.Command}");
            }

            bool isChanged = false;
            foreach (SetupStep step in isUndone ? plan.Undo : plan.Apply)
            {
                if (step.IsDone(isChanged))
                {
                    continue;
                }

                screen.Raw($"{step.Text}\n");
                screen.Flush();
                isChanged = true;
                if (!isDry)
                {
                    step.Do();
                    Tell($"setup {program}{(isUndone ? " --undo" : "")}: {step.Text.Split(":\n")[0]}");
                }
            }

            if (!isChanged)
            {
                screen.Raw(isUndone ? $"{program} has nothing of this\n" : $"{program} is set up already\n");
            }

            if (!isUndone && plan.OpensRouters && settings.Clients is null)
            {
                WarnOfOpenRouters();
            }

            return ExitCodes.Success;
        }
        catch (Exception failure) when (failure is SetupException or LinuxException or IOException or UnauthorizedAccessException)
        {
            screen.Flush();
            return Fail($"setup {program}: {failure.Message}");
        }
    }

    private static AgentConfiguration ReadSettings() => !File.Exists(Settings)
        ? AgentConfiguration.Default
        : AgentConfigurationParser.Parse(Settings, File.ReadAllBytes(Settings)).Configuration
            ?? throw new SetupException($"{Settings} is in error; see `egress-agentd check`");

    // Whoever comes to the node comes to them.
    private static void WarnOfOpenRouters()
    {
        try
        {
            List<RouterKey> open = FindOpenAsync().GetAwaiter().GetResult();
            if (open.Count > 0)
            {
                Console.Error.WriteLine(
                    $"egressctl: warning: whoever reaches the node by the network may use {string.Join(", ", open)}: name the clients, by the annotation {ClientsAnnotation} or for all routers by `clients` in {Settings}");
            }
        }
        catch (Exception failure) when (failure is LinuxException or BusException)
        {
            Console.Error.WriteLine("egressctl: no agent says which routers name their clients; those that do not serve whoever reaches the node by the network");
        }
    }

    private static async Task<List<RouterKey>> FindOpenAsync()
    {
        using AgentClient agent = await AgentClient.OpenAsync().ConfigureAwait(false);
        List<RouterKey> open = [];
        foreach (RouterKey key in await agent.ListRoutersAsync().ConfigureAwait(false))
        {
            using JsonDocument resource = JsonDocument.Parse(await agent.GetResourceAsync(key).ConfigureAwait(false));
            if (!(resource.RootElement.GetProperty("metadata").TryGetProperty("annotations", out JsonElement annotations) && annotations.TryGetProperty(ClientsAnnotation, out _)))
            {
                open.Add(key);
            }
        }

        return open;
    }

    private static void Tell(string message)
    {
        JournalEntry entry = new();
        entry.Add(JournalPriority.Notice);
        entry.Add(JournalField.SyslogIdentifier, "egressctl");
        entry.Add(JournalField.Message, message);
        entry.Send();
    }

    private static int Fail(string message)
    {
        Console.Error.WriteLine($"egressctl: {message}");
        return ExitCodes.Usage;
    }
}
