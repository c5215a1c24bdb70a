using System.Text;
using CsCheck;
using EgressAgent.Model.Configuration;
using EgressAgent.Model.Validation;

namespace EgressAgent.Model.Tests.Validation;

/// <summary>No bytes make the parsers throw, and whatever they find lies inside of the file.</summary>
public class RouterFileFuzzTests
{
    private static readonly string[] Seeds =
    [
        Encoding.UTF8.GetString(RepositoryFiles.Read("etc/egress-router/egress-router-redirect.yaml.example")),
        Encoding.UTF8.GetString(RepositoryFiles.Read("etc/egress-agentd/agentd.yaml")).Replace("\n#", "\n", StringComparison.Ordinal),
        Routers.Document("a", "192.168.12.1/24") + "---\n" + Routers.Document("b", "\"2001:db8::1/64\""),
        "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [{\"kind\": \"EgressRouter\"}]}\n",
        .. from path in Directory.EnumerateFiles(InvalidCase.Directory)
           let file = Path.GetFileName(path)
           from title in InvalidCase.Titles(file)
           select InvalidCase.Read(file, title).Yaml,
    ];

    /// <summary>What turns valid YAML into something else.</summary>
    private static readonly string[] Tokens =
    [
        "\t", "\n", "\r", "\r\n", " ", "  ", "---\n", "\n...\n", "%YAML 1.2\n", "%TAG ! !\n", "{", "}", "[", "]", ",", ":", ": ", "- ", "? ", "&a ", "*a",
        "<<: *a\n", "!!int ", "!x ", "!<", "|", ">-", "|2\n", "'", "\"", "\\x", "\\UFFFFFFFF", "#", "@", "`", "~", "null", "0x", "1e9", "\0", "\u0085",
        "\u2028", "\ufeff", "\ud83d\ude00", "items:", "metadata:", "spec: ", "redirectRules: ",
    ];

    private static readonly Gen<byte[]> Garbage = Gen.Byte.Array[0, 200];

    private static readonly Gen<byte[]> TokenSoup = Gen.OneOf(Tokens).Array[0, 60].Select(tokens => Encoding.UTF8.GetBytes(string.Concat(tokens)));

    private static readonly Gen<byte[]> Mutated = Gen.Select(Gen.OneOf(Seeds), Mutation().Array[1, 6], (seed, mutations) =>
        mutations.Aggregate(Encoding.UTF8.GetBytes(seed), (content, mutate) => mutate(content)));

    [Fact]
    public void Parse_randomBytes_givesFindingsInsideOfTheFile() => Garbage.Sample(Check, iter: 5_000);

    [Fact]
    public void Parse_randomTokens_givesFindingsInsideOfTheFile() => TokenSoup.Sample(Check, iter: 5_000);

    [Fact]
    public void Parse_mutatedFiles_givesFindingsInsideOfTheFile() => Mutated.Sample(Check, iter: 5_000);

    private static void Check(byte[] content)
    {
        RouterFile file = RouterFileParser.Parse(Routers.Path, content);
        AgentConfigurationFile configuration = AgentConfigurationParser.Parse(Routers.Path, content);
        int lines = content.Count(octet => octet is (byte)'\n' or (byte)'\r') + 1;
        foreach (Diagnostic finding in file.AllDiagnostics.Concat(configuration.Diagnostics))
        {
            Assert.Equal(Routers.Path, finding.Location.File);
            Assert.InRange(finding.Location.Line, 1, lines);
            Assert.InRange(finding.Location.Column, 1, content.Length + 1);
            Assert.DoesNotContain('\n', finding.ToString());
        }

        Assert.All(file.Documents, document => Assert.True(document.Resource is not null || document.Diagnostics.Count > 0));
    }

    private static Gen<Func<byte[], byte[]>> Mutation() => Gen.OneOf(
        Gen.Select(Gen.Double.Unit, Gen.OneOf(Tokens), Func<byte[], byte[]> (place, token) => content =>
            Splice(content, At(content, place), 0, Encoding.UTF8.GetBytes(token))),
        Gen.Select(Gen.Double.Unit, Gen.Int[1, 40], Func<byte[], byte[]> (place, length) => content =>
            Splice(content, At(content, place), length, [])),
        Gen.Select(Gen.Double.Unit, Gen.Byte, Func<byte[], byte[]> (place, octet) => content =>
            Splice(content, At(content, place), 1, [octet])),
        Gen.Select(Gen.Double.Unit, Gen.Double.Unit, Gen.Int[1, 80], Func<byte[], byte[]> (from, to, length) => content =>
            Splice(content, At(content, to), 0, content[At(content, from)..Math.Min(content.Length, At(content, from) + length)])));

    private static int At(byte[] content, double place) => (int)(place * content.Length);

    private static byte[] Splice(byte[] content, int at, int drop, byte[] insert) =>
        [.. content[..at], .. insert, .. content[Math.Min(content.Length, at + drop)..]];
}
