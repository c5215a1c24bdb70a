using System.Text;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Validation;

namespace EgressAgent.Model.Tests;

/// <summary>Short ways to read a router file in a test.</summary>
internal static class Routers
{
    public const string Path = "web.yaml";

    /// <summary>What stands before a <c>spec:</c> to make it a document.</summary>
    public const string Header = """
        apiVersion: network.operator.openshift.io/v1
        kind: EgressRouter
        metadata: {name: web}

        """;

    public static RouterFile Parse(string yaml, string path = Path) => RouterFileParser.Parse(path, Encoding.UTF8.GetBytes(yaml));

    /// <summary>The one router of a file that has no fault.</summary>
    public static EgressRouterResource ParseValid(string yaml)
    {
        RouterFile file = Parse(yaml);
        Assert.Equal([], file.AllDiagnostics.Select(diagnostic => diagnostic.ToString()));
        Assert.True(file.IsComplete);
        EgressRouterResource? router = Assert.Single(file.Documents).Router;
        Assert.NotNull(router);
        return router;
    }

    /// <summary>A valid router with one address and one rule.</summary>
    public static string Document(string name, string address, string @namespace = "default") => $$"""
        apiVersion: network.operator.openshift.io/v1
        kind: EgressRouter
        metadata: {name: {{name}}, namespace: {{@namespace}}}
        spec:
          addresses: [{ip: {{address}}}]
          redirect:
            redirectRules:
            - {destinationIP: 203.0.113.26, port: 8080, protocol: TCP}

        """;
}
