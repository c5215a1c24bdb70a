using EgressAgent.Daemon.Hosting;
using EgressAgent.Daemon.State;
using EgressAgent.Daemon.Watch;
using EgressAgent.Engine.Kernel;
using EgressAgent.Engine.Reconcile;
using EgressAgent.Engine.Registry;
using EgressAgent.Linux;
using EgressAgent.MortalAgent;
using Microsoft.Extensions.Logging.Abstractions;

// The agent's own watcher, state, reconciler and kernel, that is SIGKILLed before the Nth thing that it does to the kernel or to
// the state database. Prints and returns 0 when it had less than N to do.
//
//     EgressAgent.MortalAgent ROUTERS CONFIG STATE RUNTIME N
AgentOptions options = new(args[0], args[1], args[2], args[3], Bus: null);
Countdown countdown = new(int.Parse(args[4]));
if (AgentConfigurationLoader.Load(options.Configuration, options.State).Configuration is not { } configuration)
{
    return 1;
}

using LiteDbResourceStore database = new(options.State, NullLogger<LiteDbResourceStore>.Instance);
ConsoleLogger log = new();
using ResourceRegistry registry = new(new MortalStore(database, countdown), configuration, MachineId.Read()!, TimeProvider.System, log);
using MortalKernel kernel = new(new LinuxKernel(AgentOwner.Of(options.State), runtime: options.Runtime), countdown);
using Reconciler reconciler = new(kernel, registry, configuration, TimeProvider.System, log);
using RouterFilesWatcher watcher = new(options.Routers, registry.Apply, TimeProvider.System, NullLogger.Instance);
watcher.Start();
await reconciler.WhenIdle();
Console.WriteLine($"survived: {countdown.Done} done");
return 0;
