using EgressAgent.Linux.Bus;

namespace EgressAgent.Linux.Tests.Bus;

public sealed class BusInterfaceTests
{
    [Theory]
    [InlineData("NoDots")]
    [InlineData("")]
    [InlineData("org.example.")]
    public void Builder_invalidInterfaceName_isRefused(string name) =>
        Assert.Throws<ArgumentException>(() => new BusInterfaceBuilder<SampleObject>(name));

    [Theory]
    [InlineData("with-dash")]
    [InlineData("")]
    public void Builder_invalidMemberName_isRefused(string name) =>
        Assert.Throws<ArgumentException>(() => Declare().Signal(name, []));

    [Theory]
    [InlineData("(s", "text")]
    [InlineData("ss", "text")]
    [InlineData("s", "not a name")]
    public void Build_malformedArgument_isRefused(string signature, string name) =>
        Assert.Throws<ArgumentException>(() => Declare().Signal("Changed", [(signature, name)]).Build());

    [Fact]
    public void Build_memberDeclaredTwice_isRefused() =>
        Assert.Throws<ArgumentException>(() => Declare().Signal("Changed", []).Signal("Changed", []).Build());

    private static BusInterfaceBuilder<SampleObject> Declare() => new("org.example.Thing1");
}
