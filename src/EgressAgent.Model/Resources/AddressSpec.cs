using System.Net;
using EgressAgent.Model.Addressing;

namespace EgressAgent.Model.Resources;

/// <summary>One entry of <c>spec.addresses</c>.</summary>
/// <param name="Address">The reserved address; a plain IP in the file is a /32 or /128.</param>
/// <param name="Gateway">Of the same family; null when it is to be inferred from the master's default route.</param>
public sealed record AddressSpec(InterfaceAddress Address, IPAddress? Gateway);
