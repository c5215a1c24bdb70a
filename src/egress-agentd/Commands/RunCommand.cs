using System.CommandLine;
using EgressAgent.Daemon.Hosting;
using EgressAgent.Daemon.Logging;
using EgressAgent.Daemon.State;
using EgressAgent.Engine.Kernel;
using EgressAgent.Engine.Registry;
using EgressAgent.Engine.Traffic;
using EgressAgent.Linux;
using EgressAgent.Linux.Bus;
using EgressAgent.Linux.FileDescriptors;
using EgressAgent.Linux.Journal;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Serilog;
using Serilog.Core;

namespace EgressAgent.Daemon.Commands;

/// <summary><c>egress-agentd run</c>: the daemon itself.</summary>
internal static class RunCommand
{
    private static readonly Option<string> Routers = new("--routers") { Description = "The directory of router files", DefaultValueFactory = _ => Paths.Routers };
    private static readonly Option<string> Configuration = new("--config") { Description = "The agent's settings", DefaultValueFactory = _ => Paths.Configuration };
    private static readonly Option<string> State = new("--state") { Description = "The directory of the state database", DefaultValueFactory = _ => Paths.State };
    private static readonly Option<string> Runtime = new("--runtime") { Description = "The directory for what lasts until the next boot", DefaultValueFactory = _ => Paths.Runtime };
    private static readonly Option<string> Bus = new("--bus") { Description = "The D-Bus to serve: system, none, or an address", DefaultValueFactory = _ => "system" };
    private static readonly Option<string> Log = new Option<string>("--log")
    {
        Description = "Where the log goes; by default to the journal where systemd connects standard error to it",
        DefaultValueFactory = _ => JournalStream.IsStandardError ? "journal" : "console",
    }.AcceptOnlyFromAmong("journal", "console");

    // What the end of the agent may take besides the time for relayed connections to end.
    private static readonly TimeSpan StopTime = TimeSpan.FromSeconds(30);

    internal static Command Create()
    {
        var command = new Command("run", "Run the agent until SIGTERM, which leaves the routers running") { Routers, Configuration, State, Runtime, Bus, Log };
        command.SetAction((parsed, _) => RunAsync(
            new AgentOptions(
                parsed.GetRequiredValue(Routers),
                parsed.GetRequiredValue(Configuration),
                parsed.GetRequiredValue(State),
                parsed.GetRequiredValue(Runtime),
                BusAddressOf(parsed.GetRequiredValue(Bus))),
            parsed.GetRequiredValue(Log) == "journal"));
        return command;
    }

    private static async Task<int> RunAsync(AgentOptions options, bool logsToJournal)
    {
        if (!Environment.IsPrivilegedProcess)
        {
            await Console.Error.WriteLineAsync("egress-agentd: run needs root, since it makes network namespaces, links and routes").ConfigureAwait(false);
            return ExitCodes.Failure;
        }

        await using Logger log = logsToJournal ? AgentLogger.ToJournal() : AgentLogger.ToConsole();
        if (MountNamespace.WhyHidden() is { } hidden)
        {
            StartReport.TellHidden(hidden, logsToJournal ? log : null);
            return ExitCodes.Configuration;
        }

        try
        {
            StateLock.CreateDirectory(options.State);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Without it the agent runs, and says so.
        }

        try
        {
            using var state = StateLock.Take(options.State);
            return await RunAsync(options, log).ConfigureAwait(false);
        }
        catch (StateInUseException inUse)
        {
            StartReport.TellInUse(inUse.Message, logsToJournal ? log : null);
            return ExitCodes.InUse;
        }
    }

    private static async Task<int> RunAsync(AgentOptions options, Logger log)
    {
        LoadedSettings settings = AgentConfigurationLoader.Load(options.Configuration, options.State);
        SettingsReport.Log(settings, options.Configuration, log);
        if (settings.Configuration is not { } configuration)
        {
            StartReport.TellServiceManager(SettingsReport.Describe(settings) ?? "");
            return ExitCodes.Configuration;
        }

        // Each router has some descriptors, each relayed connection two.
        DescriptorLimit.RaiseToHard();

        // The agent has no settings but its own, so the host's appsettings.json and environment are left out.
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Services.AddSystemd();
        builder.Services.AddSerilog(log);
        builder.Services.AddSingleton(options);
        builder.Services.AddSingleton(settings);
        builder.Services.AddSingleton(configuration);
        builder.Services.AddSingleton(AgentOwner.Of(options.State));
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(services => new LiteDbResourceStore(options.State, services.GetRequiredService<ILogger<LiteDbResourceStore>>()));
        builder.Services.AddSingleton<IResourceStore>(services => services.GetRequiredService<LiteDbResourceStore>());
        builder.Services.AddSingleton<ITrafficStore>(services => services.GetRequiredService<LiteDbResourceStore>());
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = configuration.DrainTimeout + StopTime);
        builder.Services.AddHostedService<AgentService>();
        try
        {
            using IHost host = builder.Build();
            await host.RunAsync().ConfigureAwait(false);
            return ExitCodes.Success;
        }
        catch (Exception exception) when (exception is LinuxException or IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync($"egress-agentd: {exception.Message}").ConfigureAwait(false);
            return ExitCodes.Failure;
        }
    }

    private static string? BusAddressOf(string choice) => choice switch
    {
        "system" => BusAddress.System,
        "none" => null,
        _ => choice,
    };
}
