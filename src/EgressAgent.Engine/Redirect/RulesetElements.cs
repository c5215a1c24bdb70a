using System.Buffers.Binary;
using System.Net;
using EgressAgent.Linux.Nftables;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Redirect;

/// <summary>The elements of the redirect maps as the kernel holds them.</summary>
internal static class RulesetElements
{
    private const int PartSize = 4;

    /// <summary>What leads from the elements of one ruleset to those of another that has the same maps.</summary>
    internal static NftBatch Update(Ruleset before, Ruleset after)
    {
        var batch = new NftBatch(RulesetNames.TableName);
        foreach (var map in Different(before, after).GroupBy(MapOf))
        {
            batch.Delete(map.Key, map.Select(element => new NftElement(KeyOf(element.Key))));
        }

        foreach (var map in Different(after, before).GroupBy(MapOf))
        {
            batch.Add(map.Key, map.Select(element => new NftElement(KeyOf(element.Key), ValueOf(element.Value), RulesetNames.ElementComment(after.Router, element.Key))));
        }

        return batch;
    }

    private static IEnumerable<KeyValuePair<RedirectKey, IPEndPoint>> Different(Ruleset of, Ruleset from) =>
        of.Redirects.Where(element => !from.Redirects.TryGetValue(element.Key, out IPEndPoint? other) || !other.Equals(element.Value));

    private static string MapOf(KeyValuePair<RedirectKey, IPEndPoint> element) => RulesetNames.MapOf(element.Key, element.Value);

    private static byte[] KeyOf(RedirectKey key)
    {
        byte[] address = key.External?.GetAddressBytes() ?? [];
        byte[] bytes = [.. address, .. stackalloc byte[2 * PartSize]];
        bytes[address.Length] = key.Protocol.Number();
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(address.Length + PartSize), key.Port);
        return bytes;
    }

    private static byte[] ValueOf(IPEndPoint destination)
    {
        byte[] address = destination.Address.GetAddressBytes();
        byte[] bytes = [.. address, .. stackalloc byte[PartSize]];
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(address.Length), (ushort)destination.Port);
        return bytes;
    }
}
