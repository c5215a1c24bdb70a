using EgressAgent.Benchmarks.Bus;
using EgressAgent.Benchmarks.Clients;
using EgressAgent.Benchmarks.Edits;
using EgressAgent.Benchmarks.Failover;
using EgressAgent.Benchmarks.Files;
using EgressAgent.Benchmarks.Kernel;
using EgressAgent.Benchmarks.Records;
using EgressAgent.Benchmarks.Relay;
using EgressAgent.Benchmarks.Who;

// edits        how long it takes from a saved file to the first connection that goes by it, and to start; run it in tests/sandbox.
// baseline     edits and adoption with one build of the agent beside another, in random order; run it in tests/sandbox.
// adoption     the last of these alone; run it in tests/sandbox.
// cold         routers from nothing beside a script of ip and nft, in random order; run it in tests/sandbox.
// kernel       the kernel datapath beside a router made by hand, with wrk, nginx and iperf3; run it in tests/sandbox.
// instructions how many instructions traffic through the kernel datapath takes; run it with EGRESS_VM_ICOUNT=yes in tests/vm.
// node         what many routers cost while nothing happens, or what is none of theirs, and how one starts; run it in tests/sandbox.
// failover     how long a client is not served when a node of a cluster fails, with Debian's etcd; run it in tests/sandbox.
// files        what it costs to read a file of many rules, beside the YAML parser's own share.
// services     how long many Services take beside as many routers, and what an edit of one makes the agent do; run it in tests/sandbox.
// relay        the relay beside HAProxy, which it needs as well as wrk, nginx and strace.
// udp          the relay's UDP with segmentation offload beside itself without.
// bus          how long traffic and callers wait while other callers ask for all they can; run it in tests/sandbox.
// who          how long the auditor's question takes beside a million records in a real journal; run it in tests/sandbox.
// clients      what it costs to find out whose flows are recorded; run it in tests/sandbox.
// records      what records of flows cost, and living flows; run it in tests/sandbox.
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
    ["baseline", .. var rest] when rest.Length >= 2 => BaselineBenchmark.Run(rest),
    ["adoption", _, _, _, _] => BaselineBenchmark.RunAdoption(args[1..]),
    ["cold", .. var rest] when rest.Length >= 1 => ColdBenchmark.Run(rest),
    ["kernel", .. var rest] when rest.Length >= 1 => KernelBenchmark.Run(rest),
    ["instructions", .. var rest] => InstructionBenchmark.Run(rest),
    ["node", .. var rest] when rest.Length >= 1 => NodeBenchmark.Run(rest),
    ["failover", .. var rest] => FailoverBenchmark.Run(rest),
    ["files", .. var rest] => FilesBenchmark.Run(rest),
    ["services", .. var rest] => ServicesBenchmark.Run(rest),
    ["relay", .. var rest] => RelayBenchmark.Run(rest),
    ["bus", .. var rest] => BusBenchmark.Run(rest),
    ["clients"] => ClientsBenchmark.Run(),
    ["who", .. var rest] => WhoBenchmark.Run(rest),
    ["records", .. var rest] => RecordsBenchmark.Run(rest),
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
               EgressAgent.Benchmarks baseline AGENT BASELINE [ROUNDS [ROUTERS]]
               EgressAgent.Benchmarks adoption AGENT BASELINE ROUNDS ROUTERS
               EgressAgent.Benchmarks cold AGENT [ROUNDS [ROUTERS]]
               EgressAgent.Benchmarks kernel AGENT [ROUNDS]
               EgressAgent.Benchmarks instructions [ROUNDS]
               EgressAgent.Benchmarks node AGENT [ROUNDS [ROUTERS]]
               EgressAgent.Benchmarks failover [--rounds N] [--seed N] [--only KIND] [--outages N] [--seconds N]
               EgressAgent.Benchmarks files [RULES]
               EgressAgent.Benchmarks services [AGENT [COUNT]]
               EgressAgent.Benchmarks relay [--seconds N] [--rounds N] [--threads N] [--idle N] [--only stream|connect|roundtrip|idle] [--baseline PROGRAM]
               EgressAgent.Benchmarks udp [--seconds N] [--rounds N] [--threads N]
               EgressAgent.Benchmarks bus [SECONDS]
               EgressAgent.Benchmarks who [RECORDS]
               EgressAgent.Benchmarks clients
               EgressAgent.Benchmarks records [ROUNDS [flows|living [kernel|relay]|scrapes]]
        """);
    return 2;
}
