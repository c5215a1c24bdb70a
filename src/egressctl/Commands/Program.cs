using System.CommandLine;
using EgressAgent.Control;
using EgressAgent.Control.Commands;

var root = new RootCommand("Shows what egress-agentd does: its routers, who goes through them, and why something does not pass.")
{
    StatusCommand.Create(),
    ShowCommand.Create(),
    ServicesCommand.Create(),
    FlowsCommand.Create(),
    WhoCommand.Create(),
    EventsCommand.Create(),
    ExplainCommand.Create(),
    GetCommand.Create(),
    ClaimCommand.Create(),
    ReleaseCommand.Create(),
    ReloadCommand.Create(),
    SetupCommand.Create(),
    CommandLine.Json,
};

ParseResult parsed = root.Parse(args);
if (parsed.Errors.Count == 0)
{
    return parsed.Invoke(new InvocationConfiguration { ProcessTerminationTimeout = null });
}

parsed.Invoke();
return args.Contains(StatusCommand.Check.Name) ? (int)NagiosState.Unknown : ExitCodes.Usage;
