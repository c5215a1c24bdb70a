using System.Net;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Resources;

namespace EgressAgent.Model.Validation;

/// <summary>The addresses of a router as far as they could be read, for the checks that other fields need.</summary>
/// <param name="Addresses">Those that are right.</param>
/// <param name="Locations">Where the <c>ip</c> of each stands.</param>
/// <param name="IsComplete">False when there may be more, so that nothing follows from what is not in the list.</param>
internal sealed record ReservedAddresses(ValueList<AddressSpec> Addresses, ValueList<SourceLocation> Locations, bool IsComplete)
{
    public static readonly ReservedAddresses Unread = new([], [], IsComplete: false);

    /// <summary>Why the router cannot send to a destination: <c>… is a multicast address</c>. Null when it can.</summary>
    public string? WhyNotDestination(IPAddress destination)
    {
        string? fault = HostAddresses.WhyNotUnicast(destination);
        foreach (AddressSpec own in Addresses)
        {
            fault ??= destination.Equals(own.Address.Address) ? "the router's own address" : null;
            fault ??= HostAddresses.WhyNotHostOf(own.Address.Network, destination);
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
