using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace EgressAgent.Benchmarks.Relay;

/// <summary>wrk in a network namespace, one thread: each request has a connection of its own.</summary>
internal static partial class WebClient
{
    /// <returns>How many connections were answered, and within how many seconds.</returns>
    internal static (double Connections, double Seconds) Run(string netns, string address, int clients, int seconds)
    {
        using Process process = BenchmarkLab.Start(
            netns,
            "wrk",
            "--threads",
            "1",
            "--connections",
            clients.ToString(),
            "--duration",
            $"{seconds}s",
            "--header",
            "Connection: close",
            $"http://{address}:{LoadPorts.Web}/");
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Match requests = Requests().Match(output);
        Match rate = Rate().Match(output);
        return requests.Success && rate.Success && !output.Contains("errors", StringComparison.Ordinal) && !output.Contains("Non-2xx", StringComparison.Ordinal)
            ? (Number(requests), Number(requests) / Number(rate))
            : throw new InvalidOperationException($"wrk: {output}");
    }

    private static double Number(Match match) => double.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"(\d+) requests in")]
    private static partial Regex Requests();

    [GeneratedRegex(@"Requests/sec:\s+([\d.]+)")]
    private static partial Regex Rate();
}
