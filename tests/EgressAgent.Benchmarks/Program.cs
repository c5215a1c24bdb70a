using EgressAgent.Benchmarks.Bus;
using EgressAgent.Benchmarks.Edits;
using EgressAgent.Benchmarks.Relay;

// edits        how long it takes from a saved file to the first connection that goes by it, and to start; run it in tests/sandbox.
// relay        the relay beside HAProxy.
// udp          the relay's UDP with segmentation offload beside itself without.
// bus          how long traffic and callers wait while other callers ask for all they can; run it in tests/sandbox.
// The other words are the processes that relay and udp start in their lab's namespaces.
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
    ["edits", .. var rest] => EditsBenchmark.Run(rest),
    ["relay", .. var rest] => RelayBenchmark.Run(rest),
    ["bus", .. var rest] => BusBenchmark.Run(rest),
    ["udp", .. var rest] => UdpBenchmark.Run(rest),
    ["relay-host", var routerNamespace, var address, var threads, .. var rest] =>
        RelayHost.Run(routerNamespace, address, int.Parse(threads), segmentation: rest is not ["plain"]),
    ["load-server"] => LoadServer.Run(),
    ["load-client", .. var rest] => LoadClient.Run(rest),
    ["udp-sender", .. var rest] => UdpSender.Run(rest),
    ["udp-receiver", .. var rest] => UdpReceiver.Run(rest),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("""
        usage: EgressAgent.Benchmarks edits [AGENT [COUNT]]
               EgressAgent.Benchmarks relay [--seconds N] [--rounds N] [--threads N] [--idle N] [--only stream|connect|roundtrip|idle]
               EgressAgent.Benchmarks udp [--seconds N] [--rounds N] [--threads N]
               EgressAgent.Benchmarks bus [SECONDS]
        """);
    return 2;
}
