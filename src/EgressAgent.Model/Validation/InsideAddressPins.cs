using System.Net;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Yaml;

namespace EgressAgent.Model.Validation;

/// <summary>The inside addresses that a router asks for, <c>egressagent.org/inside-address</c>.</summary>
/// <param name="Field">The annotation.</param>
/// <param name="Addresses">At most one per family.</param>
internal sealed record InsideAddressPins(Field Field, ValueList<IPAddress> Addresses)
{
    /// <summary>Reads the annotation; what is wrong with it is reported, and left out.</summary>
    public static InsideAddressPins Read(Field field)
    {
        List<IPAddress> addresses = [];
        string[] parts = field.ReadText("an IP address, or one of each family with a comma between them")?.Split(',', StringSplitOptions.TrimEntries) ?? [];
        foreach (string part in parts)
        {
            if (AddressText.ParseAddress(part, out IPAddress? address) is { } fault)
            {
                field.Error(fault);
            }
            else if (HostAddresses.WhyNotUnicast(address!) is { } reason)
            {
                field.Error($"must be the address of one host; {address} is {reason}");
            }
            else if (addresses.FirstOrDefault(other => other.AddressFamily == address!.AddressFamily) is { } first)
            {
                field.Error($"{address} is a second {address!.FamilyName} address beside {first}; a router has one inside address per family");
            }
            else
            {
                addresses.Add(address!);
            }
        }

        return new InsideAddressPins(field, addresses.ToValueList());
    }

    /// <summary>Reports those that the router cannot have besides its reserved addresses.</summary>
    public void Check(ReservedAddresses reserved)
    {
        foreach (IPAddress address in Addresses)
        {
            if (reserved.Addresses.Any(own => own.Address.Address.Equals(address)))
            {
                Field.Error($"{address} is the router's own reserved address; the inside address is one of `insideNetworks`");
            }
            else if (reserved.IsComplete && reserved.Addresses.All(own => own.Address.Family != address.AddressFamily))
            {
                Field.Error($"{address} is an {address.FamilyName} address, but `spec.addresses` has none of that family");
            }
        }
    }
}
