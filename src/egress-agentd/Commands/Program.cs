using System.CommandLine;
using EgressAgent.Daemon.Commands;

var root = new RootCommand("Gives applications a reserved source IP: builds and keeps the egress routers that the files in /etc/egress-router describe.")
{
    RunCommand.Create(),
    CheckCommand.Create(),
    ConvertCommand.Create(),
    CleanupCommand.Create(),
};

ParseResult parsed = root.Parse(args);
if (parsed.Errors.Count > 0)
{
    parsed.Invoke();
    return ExitCodes.Usage;
}

// The host hears SIGTERM itself. The library would end the process two seconds after it, whatever is still to be done.
return parsed.Invoke(new InvocationConfiguration { ProcessTerminationTimeout = null });
