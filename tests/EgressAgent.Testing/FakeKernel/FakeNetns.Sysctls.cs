using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;

namespace EgressAgent.Testing.FakeKernel;

public sealed partial class FakeNetns
{
    private const string ConntrackPrefix = "net/netfilter/";
    private const string OfFutureLinks = "/conf/default/";

    private readonly Dictionary<string, string> _sysctls;

    /// <summary>The value; null when there is no such setting, or its module is not loaded.</summary>
    public string? GetSysctl(string key) =>
        key.StartsWith(ConntrackPrefix, StringComparison.Ordinal) && !_kernel.HasConntrack ? null : _sysctls.GetValueOrDefault(key);

    /// <returns>False when there is no such setting.</returns>
    public bool SetSysctl(string key, string value)
    {
        if (GetSysctl(key) is not { } before)
        {
            return false;
        }

        _sysctls[key] = value;
        if (key.Contains(OfFutureLinks, StringComparison.Ordinal))
        {
            foreach (string link in ((string[])[RouterNames.InsideLink, RouterNames.OutsideLink]).Where(name => _links.All(present => present.Name != name)))
            {
                _sysctls[key.Replace(OfFutureLinks, $"/conf/{link}/", StringComparison.Ordinal)] = value;
            }
        }

        if (value == before)
        {
            return true;
        }

        switch (key)
        {
            case "net/ipv4/ip_forward":
                _sysctls["net/ipv4/conf/all/accept_redirects"] = value == "1" ? "0" : "1";
                break;
            case "net/ipv6/conf/all/forwarding":
                foreach (string other in (string[])["default", RouterNames.InsideLink, RouterNames.OutsideLink])
                {
                    _sysctls[$"net/ipv6/conf/{other}/forwarding"] = value;
                }

                break;
            case "net/ipv6/conf/all/disable_ipv6":
                foreach (string other in (string[])["default", RouterNames.InsideLink, RouterNames.OutsideLink])
                {
                    _sysctls[$"net/ipv6/conf/{other}/disable_ipv6"] = value;
                }

                DisableIPv6(value == "1");
                break;
        }

        return true;
    }

    private void DisableIPv6(bool disable)
    {
        foreach (FakeLink link in _links)
        {
            link.IsIPv6Disabled = disable;
            if (disable)
            {
                link.Addresses.RemoveAll(entry => !entry.Address.Address.IsIPv4);
                _routes.RemoveAll(route => route.Link == link && !route.Destination.BaseAddress.IsIPv4);
            }
        }
    }

    private static Dictionary<string, string> DefaultSysctls() =>
        RouterSysctls.Keys.ToDictionary(key => key, key => Path.GetFileName(key) switch
        {
            "accept_redirects" or "send_redirects" or "accept_ra" or "autoconf" => "1",
            "icmp_ratemask" => "6168",
            "ratemask" => "0-1,3-127",
            _ => "0",
        });
}
