using System.Net;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Yaml;

namespace EgressAgent.Model.Validation;

/// <summary>Warns where a router has the node's own address for its own, or for its gateway's.</summary>
public static class NodeAddresses
{
    /// <param name="files">As parsed.</param>
    /// <param name="node">The node's addresses, as far as they are known.</param>
    public static IEnumerable<Diagnostic> Find(IEnumerable<RouterFile> files, IReadOnlySet<IPAddress> node) =>
        from document in files.SelectMany(file => file.Documents)
        where document.Router is not null
        from finding in Find(document, node)
        select finding;

    private static IEnumerable<Diagnostic> Find(RouterDocument document, IReadOnlySet<IPAddress> node)
    {
        ValueList<AddressSpec> addresses = document.Router!.Spec.Addresses;
        ResourceMarks marks = document.Marks!;
        FieldPath all = FieldPath.Of(FieldPath.Of(marks.Path, "spec"), "addresses");
        for (int i = 0; i < addresses.Count; i++)
        {
            (IPAddress address, IPAddress? gateway) = (addresses[i].Address.Address, addresses[i].Gateway);
            if (node.Contains(address))
            {
                yield return RarelyMeant.Warning(
                    marks.Addresses[i],
                    FieldPath.Of(FieldPath.At(all, i), "ip"),
                    $"{address} is an address of this node, and a reserved address belongs to one router alone: the router waits until it is taken off the node");
            }

            if (gateway is not null && node.Contains(gateway))
            {
                yield return RarelyMeant.Warning(
                    marks.Gateways[i],
                    FieldPath.Of(FieldPath.At(all, i), "gateway"),
                    $"{gateway} is an address of this node, which a macvlan cannot reach: only destinations in the same subnet can be reached. Name the router of that network");
            }
        }
    }
}
