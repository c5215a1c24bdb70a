using EgressAgent.Model.Planning;

namespace EgressAgent.Model.Tests.Planning;

public sealed class RouterSysctlsTests
{
    [Fact]
    public void Forwarding_is_set_first_because_it_resets_others() =>
        Assert.Equal("net/ipv4/ip_forward=1", RouterSysctls.Compile(hasIPv6: false, offloadsFlows: false)[0].ToString());

    [Fact]
    public void IPv6_stays_off_without_an_IPv6_address()
    {
        string[] ipv6 = [.. RouterSysctls.Compile(hasIPv6: false, offloadsFlows: false).Select(entry => entry.ToString()).Where(text => text.Contains("ipv6"))];

        string[] scopes = ["all", "default", "eth0", "net1"];
        Assert.Equal(scopes.Select(scope => $"net/ipv6/conf/{scope}/disable_ipv6=1"), ipv6);
    }

    [Fact]
    public void IPv6_is_forwarded_by_the_switch_that_exists()
    {
        string[] settings = [.. RouterSysctls.Compile(hasIPv6: true, offloadsFlows: false).Select(entry => entry.ToString())];

        Assert.Contains("net/ipv6/conf/all/forwarding=1", settings);
        Assert.Contains("net/ipv6/conf/all/disable_ipv6=0", settings);
        Assert.Contains("net/ipv6/conf/default/accept_ra=0", settings);
    }

    [Fact]
    public void No_setting_is_named_twice()
    {
        IEnumerable<string> keys = RouterSysctls.Compile(hasIPv6: true, offloadsFlows: false).Select(entry => entry.Key);

        Assert.Equal(keys.Distinct(), keys);
    }
}
