using System.Text;
using System.Text.Json;
using CsCheck;
using EgressAgent.Model.Yaml;

namespace EgressAgent.Model.Tests.Yaml;

public sealed class YamlTextTests
{
    [Fact]
    public void Block_style_is_that_of_kubectl()
    {
        const string Json = """{"a":{"b":[{"c":1,"d":"x y"},{"c":2}],"e":[],"f":{}},"g":[["h"],true,null]}""";

        Assert.Equal("a:\n  b:\n  - c: 1\n    d: \"x y\"\n  - c: 2\n  e: []\n  f: {}\ng:\n- - h\n- true\n- null\n", Write(Json));
    }

    [Theory]
    [InlineData("web", "web")]
    [InlineData("egress-router-cni", "egress-router-cni")]
    [InlineData("no", "\"no\"")]
    [InlineData("Null", "\"Null\"")]
    [InlineData("Y", "\"Y\"")]
    [InlineData("", "\"\"")]
    [InlineData("1", "\"1\"")]
    [InlineData("a: b", "\"a: b\"")]
    [InlineData("a\n", "\"a\\U0000000A\"")]
    [InlineData("\"\\", "\"\\\"\\\\\"")]
    public void Text_stays_a_text(string text, string expected) => Assert.Equal($"a: {expected}\n", Write(JsonSerializer.Serialize(new { a = text })));

    [Fact]
    public void Texts_are_read_back_as_they_were() => Gen.String.Where(text => text.IsNormalized()).Sample(text =>
    {
        string yaml = Write(JsonSerializer.Serialize(new Dictionary<string, string> { ["a"] = text }));
        YamlMapping mapping = Assert.IsType<YamlMapping>(Assert.Single(YamlReader.Read("x.yaml", Encoding.UTF8.GetBytes(yaml), out _)).Root);
        Assert.Equal(text, Assert.IsType<YamlScalar>(Assert.Single(mapping.Entries).Value).Text);
    });

    private static string Write(string json)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        return YamlText.Of(document.RootElement);
    }
}
