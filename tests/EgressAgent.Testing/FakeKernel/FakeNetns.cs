using System.Net.NetworkInformation;
using System.Net.Sockets;
using EgressAgent.Linux;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Resources;

namespace EgressAgent.Testing.FakeKernel;

/// <summary>
/// A network namespace with the kernel's rules: what comes with an object goes with it, and what is not possible is refused with
/// the kernel's error number. Use it inside <see cref="FakeKernel.EditNode"/> and <see cref="FakeKernel.EditRouter"/>.
/// </summary>
public sealed partial class FakeNetns
{
    private readonly FakeKernel _kernel;
    private readonly List<FakeLink> _links = [];

    internal FakeNetns(FakeKernel kernel, string name)
    {
        _kernel = kernel;
        Name = name;
        _sysctls = DefaultSysctls();
        Add("lo", "loopback", 65536, PhysicalAddress.None);
    }

    public string Name { get; }

    public IReadOnlyList<FakeLink> Links => _links;

    public List<RuleEntry> Rules { get; } =
        [.. RuleEntry.BuiltIn(AddressFamily.InterNetwork), .. RuleEntry.BuiltIn(AddressFamily.InterNetworkV6)];

    /// <summary>The plan in the table; null when there is no table.</summary>
    public RedirectPlan? Redirect { get; internal set; }

    /// <summary>Who wrote <see cref="Redirect"/>; null once somebody else has changed the table.</summary>
    internal object? RedirectWriter { get; private set; }

    /// <summary>The link of this name or alternative name.</summary>
    public FakeLink? Find(string name) => _links.Find(link => link.Name == name || link.AltNames.Contains(name));

    /// <exception cref="LinuxException">There is none (ENODEV).</exception>
    public FakeLink Link(string name) => Find(name) ?? throw Refusal("find link", name, Errno.ENODEV);

    /// <summary>A link as hardware makes it, up.</summary>
    public FakeLink AddHardware(string name, int mtu = 1500)
    {
        FakeLink link = Add(name, "", mtu, _kernel.NextMac());
        link.IsUp = true;
        return link;
    }

    /// <summary>Deletes a link with its addresses, its routes, its peer, and the macvlans on it, wherever they are.</summary>
    /// <returns>False when it was gone.</returns>
    public bool RemoveLink(string name)
    {
        if (Find(name) is not { } link)
        {
            return false;
        }

        Remove(link);
        return true;
    }

    public void SetUp(string name, bool up)
    {
        FakeLink link = Link(name);
        if (link.IsUp == up)
        {
            return;
        }

        if (up)
        {
            RefuseBusyMac(link, link.Mac);
            link.IsUp = true;
            AddPrefixRoutes(link);
        }
        else
        {
            // IPv6 addresses go with the link's being up, IPv4 ones stay.
            link.IsUp = false;
            link.Addresses.RemoveAll(entry => !entry.Address.Address.IsIPv4);
            _routes.RemoveAll(route => route.Link == link);
        }
    }

    public void SetMtu(string name, int mtu)
    {
        FakeLink link = Link(name);
        if (mtu > link.Parent?.Mtu)
        {
            throw Refusal("set MTU", name, Errno.EINVAL);
        }

        link.Mtu = mtu;
        foreach (FakeLink child in _kernel.ChildrenOf(link).Where(child => child.Mtu > mtu))
        {
            child.Mtu = mtu;
        }
    }

    public void SetMac(string name, PhysicalAddress mac)
    {
        FakeLink link = Link(name);
        if (link.IsUp)
        {
            RefuseBusyMac(link, mac);
        }

        link.Mac = mac;
    }

    /// <summary>Somebody else changes the agent's table.</summary>
    public void TouchRedirect() => RedirectWriter = null;

    internal void Offload(string link)
    {
        if (Redirect?.OffloadsFlows != true)
        {
            throw new LinuxException("offload flows", link, Errno.ENOENT);
        }

        Link(link).IsOffloaded = true;
    }

    internal void SetRedirect(RedirectPlan? plan, object? writer)
    {
        if (plan?.OffloadsFlows != Redirect?.OffloadsFlows)
        {
            _links.ForEach(link => link.IsOffloaded = false);
        }

        Redirect = plan;
        RedirectWriter = writer;
        _kernel.LoadConntrack();
    }

    internal bool AddVeth(string name, int mtu, FakeNetns peerNetns, string peerName, uint peerGroup)
    {
        if (Find(name) is not null || peerNetns.Find(peerName) is not null)
        {
            return false;
        }

        FakeLink near = Add(name, "veth", mtu, _kernel.NextMac());
        FakeLink far = peerNetns.Add(peerName, "veth", mtu, _kernel.NextMac());
        near.Peer = far;
        far.Peer = near;
        far.Group = peerGroup;
        return true;
    }

    internal bool AddMacvlan(string name, FakeLink? parent, MacvlanMode mode, PhysicalAddress? mac, int mtu, uint group)
    {
        if (Find(name) is not null)
        {
            return false;
        }

        if (parent is null || !parent.Netns.Links.Contains(parent))
        {
            throw Refusal("add macvlan", name, Errno.ENODEV);
        }

        // A passthru macvlan has its parent for itself.
        bool isShared = _kernel.ChildrenOf(parent).Any(other => mode == MacvlanMode.Passthru || other.Mode == MacvlanMode.Passthru);
        if (isShared || mtu > parent.Mtu)
        {
            throw Refusal("add macvlan", name, Errno.EINVAL);
        }

        FakeLink link = Add(name, "macvlan", mtu, mode == MacvlanMode.Passthru ? parent.Mac : mac ?? _kernel.NextMac());
        link.Parent = parent;
        link.Mode = mode;
        link.Group = group;
        return true;
    }

    internal void SetMacvlanMode(string name, MacvlanMode mode)
    {
        FakeLink link = Link(name);
        if ((link.Mode == MacvlanMode.Passthru) != (mode == MacvlanMode.Passthru))
        {
            throw Refusal("set macvlan mode", name, Errno.EINVAL);
        }

        link.Mode = mode;
    }

    internal void Clear()
    {
        foreach (FakeLink link in _links.ToArray())
        {
            Remove(link);
        }
    }

    private FakeLink Add(string name, string kind, int mtu, PhysicalAddress mac)
    {
        var link = new FakeLink(this, _kernel.NextIndex(), name, kind, mtu, mac)
        {
            IsIPv6Disabled = _sysctls["net/ipv6/conf/default/disable_ipv6"] == "1",
        };
        _links.Add(link);
        return link;
    }

    private void Remove(FakeLink link)
    {
        if (!_links.Remove(link))
        {
            return;
        }

        _routes.RemoveAll(route => route.Link == link);
        link.Peer?.Netns.Remove(link.Peer);
        foreach (FakeLink child in _kernel.ChildrenOf(link))
        {
            child.Netns.Remove(child);
        }
    }

    // Frames to a MAC that two macvlans of a parent have could go to either.
    private void RefuseBusyMac(FakeLink link, PhysicalAddress mac)
    {
        if (link.Parent is { } parent && _kernel.ChildrenOf(parent).Any(other => other != link && other.IsUp && other.Mac.Equals(mac)))
        {
            throw Refusal("set up", link.Name, Errno.EADDRINUSE);
        }
    }

    private LinuxException Refusal(string operation, string subject, Errno errno, string? text = null) =>
        new(operation, $"{subject} in {Name}", errno, text);
}
