using System.Net;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Resources;

namespace EgressAgent.Model.Validation;

/// <summary>The addresses of a router as far as they could be read, for the checks that other fields need.</summary>
/// <param name="Addresses">Those that are right.</param>
/// <param name="Locations">Where the <c>ip</c> of each stands.</param>
/// <param name="Gateways">Where the <c>gateway</c> of each stands, or the entry that has none.</param>
/// <param name="IsComplete">False when there may be more, so that nothing follows from what is not in the list.</param>
internal sealed record ReservedAddresses(
    ValueList<AddressSpec> Addresses, ValueList<SourceLocation> Locations, ValueList<SourceLocation> Gateways, bool IsComplete)
{
    public static readonly ReservedAddresses Unread = new([], [], [], IsComplete: false);

    private readonly IPNetwork[] _networks = [.. Addresses.Select(own => own.Address.Network)];

    /// <summary>Why the router cannot send to a destination: <c>… is a multicast address</c>. Null when it can.</summary>
    public string? WhyNotDestination(IPAddress destination)
    {
        string? fault = HostAddresses.WhyNotUnicast(destination);
        for (int i = 0; i < Addresses.Count; i++)
        {
            fault ??= destination.Equals(Addresses[i].Address.Address) ? "the router's own address" : null;
            fault ??= HostAddresses.WhyNotHostOf(_networks[i], destination);
        }

        if (fault is not null)
        {
            return $"must be the address of one other host; {destination} is {fault}";
        }

        return IsComplete && Addresses.All(own => own.Address.Family != destination.AddressFamily)
            ? $"{destination} is an {destination.FamilyName} address, but `spec.addresses` has none to send from"
            : null;
    }
}
