using System.Net.NetworkInformation;
using EgressAgent.Model.Resources;

namespace EgressAgent.Model.Planning;

/// <summary>The router's own interface on the physical network, <see cref="RouterNames.OutsideLink"/>.</summary>
/// <param name="MasterIndex">The interface index of the master, in the node's netns.</param>
/// <param name="Master">The master's name.</param>
/// <param name="Mode">How it treats other macvlans on the same master.</param>
/// <param name="Mac">Null in passthru mode, where the macvlan has the master's address.</param>
/// <param name="Mtu">The master's, bytes.</param>
public sealed record DesiredMacvlan(int MasterIndex, string Master, MacvlanMode Mode, PhysicalAddress? Mac, int Mtu);
