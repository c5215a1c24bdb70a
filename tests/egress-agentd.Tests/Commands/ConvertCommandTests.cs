using EgressAgent.Daemon.Tests.Support;
using EgressAgent.Testing;

namespace EgressAgent.Daemon.Tests.Commands;

/// <summary>The agent as it was built beside the tests, as a process of its own.</summary>
public sealed class ConvertCommandTests : IDisposable
{
    private const string Pod = """
        apiVersion: v1
        kind: Pod
        metadata: {name: egress-1}
        spec:
          containers:
          - name: egress-router
            env:
            - {name: EGRESS_SOURCE, value: 192.168.12.99/24}
            - {name: EGRESS_GATEWAY, value: 192.168.12.1}
            - {name: EGRESS_DESTINATION, value: 203.0.113.25}

        """;

    private readonly TemporaryDirectory _directory = new();

    [Fact]
    public void Convert_pod_printsARouterThatCheckTakes()
    {
        File.WriteAllText(_directory["pod.yaml"], Pod);

        CommandResult result = Agent.Run("convert", _directory["pod.yaml"]);
        File.WriteAllText(_directory["web.yaml"], result.Output);

        Assert.Equal((0, ""), (result.ExitCode, result.Errors));
        Assert.StartsWith($"# What Pod egress-1 in {_directory["pod.yaml"]}, line 1, did.\napiVersion: network.operator.openshift.io/v1\nkind: EgressRouter\n", result.Output);
        Assert.Equal(0, Agent.Run("check", _directory["web.yaml"]).ExitCode);
    }

    [Fact]
    public void Convert_proxy_exitsWith1AndSaysWhy()
    {
        File.WriteAllText(_directory["pod.yaml"], Pod + "    - {name: EGRESS_ROUTER_MODE, value: http-proxy}\n");

        CommandResult result = Agent.Run("convert", _directory["pod.yaml"]);

        Assert.Equal((1, ""), (result.ExitCode, result.Output));
        Assert.Contains("pod.yaml:11:41: spec.containers[0].env[3].value: the mode `http-proxy` is not served", result.Errors);
    }

    [Fact]
    public void Convert_missingFile_exitsWith2()
    {
        CommandResult result = Agent.Run("convert", _directory["none.yaml"]);

        Assert.Equal((2, ""), (result.ExitCode, result.Output));
        Assert.Contains("none.yaml", result.Errors);
    }

    public void Dispose() => _directory.Dispose();
}
