using EgressAgent.Engine.Kernel;
using EgressAgent.Model;
using EgressAgent.Model.Planning;

namespace EgressAgent.Engine.Tests.Kernel;

/// <summary>
/// A node with one interface, and the hands of an administrator on it and on its router. The contract suite sees the fake and
/// the real kernel through it alone.
/// </summary>
public abstract class KernelLab : IDisposable
{
    /// <summary>The node's interface, with 192.168.12.10/24 and 2001:db8:12::10/64 and default routes over it.</summary>
    public const string Master = "ens3";

    /// <summary>A router that no other test has.</summary>
    public RouterKey Key { get; } = new("default", $"t-{Support.ScratchNamespace.UniqueSuffix()}");

    public string NodeLink => RouterNames.NodeLink(Key);

    /// <summary>The kernel as an agent opens it.</summary>
    public abstract IKernel Kernel { get; }

    /// <summary>What is on the node, one line for each link, address and route.</summary>
    public abstract IEnumerable<string> NodeState();

    /// <summary>Adds another interface to the node.</summary>
    public abstract void AddNodeLink(string name);

    public abstract void DeleteNetns();

    public abstract void DeleteLink(NetworkSide side, string link);

    public abstract void SetLink(NetworkSide side, string link, bool up);

    /// <summary>Takes the router's macvlan out of the fence.</summary>
    public abstract void DeleteFence();

    public abstract void SetMtu(NetworkSide side, string link, int mtu);

    public abstract void SetGroup(NetworkSide side, string link, uint group);

    public abstract void AddAddress(NetworkSide side, string link, string address);

    public abstract void DeleteAddress(NetworkSide side, string link, string address);

    /// <summary>Adds a route of somebody's own, in the main table.</summary>
    public abstract void AddRoute(NetworkSide side, string destination, string gateway, string link, int metric);

    public abstract void DeleteRoute(RouteEntry route);

    public abstract void AddRule(int priority, int table);

    public abstract void DeleteRule(RuleEntry rule);

    public abstract void SetSysctl(string key, string value);

    /// <summary>Changes the agent's table.</summary>
    public abstract void TouchRedirect();

    public abstract void Dispose();
}
