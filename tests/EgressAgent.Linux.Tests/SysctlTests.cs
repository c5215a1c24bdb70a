using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Tests.Support;

namespace EgressAgent.Linux.Tests;

public sealed class SysctlTests
{
    [Fact]
    public void Value_is_the_namespaces_own()
    {
        using ScratchNetns first = ScratchNetns.Create();
        using ScratchNetns second = ScratchNetns.Create();
        string host = File.ReadAllText("/proc/sys/net/ipv4/ip_default_ttl").Trim();

        Assert.True(Sysctl.Set(first.Namespace, "net/ipv4/ip_default_ttl", 77));
        Assert.True(Sysctl.Set(second.Namespace, "net/ipv4/ip_default_ttl", "78"));

        Assert.Equal("77", Sysctl.Get(first.Namespace, "net/ipv4/ip_default_ttl"));
        Assert.Equal("78", Sysctl.Get(second.Namespace, "net/ipv4/ip_default_ttl"));
        Assert.Equal("77\n", first.Exec("cat", "/proc/sys/net/ipv4/ip_default_ttl"));
        Assert.Equal(host, File.ReadAllText("/proc/sys/net/ipv4/ip_default_ttl").Trim());
    }

    [Fact]
    public void Link_name_with_a_dot_is_one_segment()
    {
        using ScratchNetns netns = ScratchNetns.Create();
        netns.AddVeth("eth0.5", "far");

        Assert.True(Sysctl.Set(netns.Namespace, "net/ipv6/conf/eth0.5/accept_ra", 0));
        Assert.Equal("0", Sysctl.Get(netns.Namespace, "net/ipv6/conf/eth0.5/accept_ra"));
    }

    [Fact]
    public void Missing_key_is_a_result_and_a_bad_value_is_not()
    {
        using ScratchNetns netns = ScratchNetns.Create();

        Assert.Null(Sysctl.Get(netns.Namespace, "net/ipv4/conf/absent/forwarding"));
        Assert.False(Sysctl.Set(netns.Namespace, "net/ipv4/conf/absent/forwarding", 1));
        var error = Assert.Throws<LinuxException>(() => Sysctl.Set(netns.Namespace, "net/ipv4/ip_forward", "perhaps"));
        Assert.Equal($"write sysctl net/ipv4/ip_forward = perhaps in {netns.Name}: EINVAL (Invalid argument)", error.Message);
    }

    [Fact]
    public void Several_values_are_those_of_the_namespace_that_is_asked_and_what_is_missing_is_null()
    {
        using ScratchNetns first = ScratchNetns.Create();
        using ScratchNetns second = ScratchNetns.Create();
        SysctlSet settings = new(["net/ipv4/ip_default_ttl", "net/ipv4/conf/absent/forwarding", "net/absent/x", "net/ipv6/conf/lo/accept_ra", "net/core/somaxconn"]);
        Sysctl.Set(first.Namespace, "net/ipv4/ip_default_ttl", 77);
        Sysctl.Set(second.Namespace, "net/ipv4/ip_default_ttl", 78);
        Sysctl.Set(second.Namespace, "net/core/somaxconn", 79);

        Assert.Equal(["77", null, null, "1", Sysctl.Get(first.Namespace, "net/core/somaxconn")], settings.Read(first.Namespace));
        Assert.Equal(["78", null, null, "1", "79"], settings.Read(second.Namespace));
        Sysctl.Set(first.Namespace, "net/ipv4/ip_default_ttl", 7);
        Assert.Equal("7", settings.Read(first.Namespace)[0]);
        Assert.Same(settings.Read(first.Namespace)[0], settings.Read(first.Namespace)[0]);
    }

    [Theory]
    [InlineData("kernel/hostname")]
    [InlineData("net")]
    [InlineData("net/../kernel/hostname")]
    [InlineData("net//ipv4")]
    [InlineData("/net/ipv4")]
    [InlineData("net.ipv4.ip_forward")]
    public void Key_outside_of_the_network_is_an_argument_error(string key)
    {
        using ScratchNetns netns = ScratchNetns.Create();

        Assert.Throws<ArgumentException>(() => Sysctl.Get(netns.Namespace, key));
    }
}
