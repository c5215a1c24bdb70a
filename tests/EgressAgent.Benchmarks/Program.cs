using EgressAgent.Benchmarks.Relay;

// relay        the relay beside HAProxy; the other words are the processes that it starts in the lab's namespaces.
try
{
    return Dispatch(args);
}
catch (Exception exception)
{
    // Caught so that what encloses it has been cleaned up.
    Console.Error.WriteLine(exception);
    return 1;
}

static int Dispatch(string[] args) => args switch
{
    ["relay", .. var rest] => RelayBenchmark.Run(rest),
    ["relay-host", var routerNamespace, var threads] => RelayHost.Run(routerNamespace, int.Parse(threads)),
    ["load-server"] => LoadServer.Run(),
    ["load-client", .. var rest] => LoadClient.Run(rest),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("usage: EgressAgent.Benchmarks relay [--seconds N] [--rounds N] [--threads N] [--idle N] [--only stream|connect|roundtrip|idle]");
    return 2;
}
