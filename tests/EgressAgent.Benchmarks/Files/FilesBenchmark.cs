using System.Globalization;
using System.Text;
using EgressAgent.Model.Validation;
using YamlDotNet.Core;

namespace EgressAgent.Benchmarks.Files;

/// <summary>
/// What it costs to read a file of many rules, beside what of that is the YAML parser's own: to make the events of the same file, and
/// to make nothing of them.
/// </summary>
internal static class FilesBenchmark
{
    private const int Rounds = 20;

    internal static int Run(string[] arguments)
    {
        int rules = arguments.Length > 0 ? int.Parse(arguments[0], CultureInfo.InvariantCulture) : 10_000;
        byte[] content = Encoding.UTF8.GetBytes(TextOf(rules));
        Console.WriteLine($"{"medians of " + Rounds + " rounds",-34}{"CPU",12}{"allocated",14}");
        Measure($"the events of {rules} rules", () => ReadEvents(content));
        Measure($"the router of {rules} rules", () => ReadRouter(content, rules));
        return 0;
    }

    private static void ReadEvents(byte[] content)
    {
        Parser parser = new(new Scanner(new StreamReader(new MemoryStream(content)), skipComments: true));
        while (parser.MoveNext())
        {
        }
    }

    private static void ReadRouter(byte[] content, int rules)
    {
        if (RouterFileParser.Parse("web.yaml", content).Documents is not [{ Router.Spec.Rules: var read }] || read.Count != rules)
        {
            throw new InvalidOperationException("the file is not read as it is meant");
        }
    }

    private static void Measure(string what, Action read)
    {
        List<double> times = [];
        long allocated = 0;
        for (int round = 0; round <= Rounds; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            TimeSpan start = Environment.CpuUsage.TotalTime;
            read();
            times.Add((Environment.CpuUsage.TotalTime - start).TotalMilliseconds);
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }

        // The first warms up.
        Console.WriteLine($"{what,-34}{times.Skip(1).Order().ElementAt(Rounds / 2),9:0.0} ms{allocated / 1048576.0,10:0.0} MiB");
    }

    private static string TextOf(int rules)
    {
        StringBuilder text = new("""
            apiVersion: network.operator.openshift.io/v1
            kind: EgressRouter
            metadata: { name: web }
            spec:
              addresses: [ { ip: 192.168.12.99/24, gateway: 192.168.12.1 } ]
              redirect:
                redirectRules:

            """);
        for (int rule = 0; rule < rules; rule++)
        {
            text.Append(CultureInfo.InvariantCulture, $"    - {{ destinationIP: 203.0.113.26, port: {rule + 1}, targetPort: 80, protocol: TCP }}\n");
        }

        return text.ToString();
    }
}
