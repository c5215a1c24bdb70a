using System.Globalization;
using System.Net;
using System.Net.Sockets;
using EgressAgent.Model.Description;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Yaml;

namespace EgressAgent.Model.Configuration;

/// <summary>Reads where metrics are shown.</summary>
internal static class MetricsReader
{
    private const string Places = "a mapping with `textfile`, a directory, or `listen`, such as `127.0.0.1:9817`";

    public static MetricsPlaces Read(Field field)
    {
        if (field.ReadFields(Places) is not { } fields)
        {
            return MetricsPlaces.None;
        }

        var places = new MetricsPlaces(
            fields.Read(SettingsFields.Textfile) is { } textfile ? ReadDirectory(textfile) : null,
            fields.Read(SettingsFields.Listen) is { } listen ? ReadEndpoint(listen) : null);
        fields.Close();
        return places;
    }

    private static string? ReadDirectory(Field field)
    {
        if (field.ReadText("the path of a directory") is not { } text)
        {
            return null;
        }

        if (text.StartsWith('/') && !text.Contains('\0'))
        {
            return text;
        }

        field.Error($"must be the absolute path of a directory, such as `/var/lib/prometheus/node-exporter`, not {YamlScalar.Quote(text)}");
        return null;
    }

    // Whoever reads them sees who talks to whom, and there is no password: they stay on the machine.
    private static IPEndPoint? ReadEndpoint(Field field)
    {
        const string what = "an address of loopback and a port, such as `127.0.0.1:9817` or `[::1]:9817`";
        if (field.ReadText(what) is not { } text)
        {
            return null;
        }

        if (TryParse(text) is not { } endpoint)
        {
            field.Error($"must be {what}, not {YamlScalar.Quote(text)}");
            return null;
        }

        if (!IPAddress.IsLoopback(endpoint.Address))
        {
            field.Error($"must be {what}: who reads metrics gives no password, so that {endpoint.Address} would show them to others; a proxy of the node can, or `textfile`");
            return null;
        }

        return endpoint;
    }

    private static IPEndPoint? TryParse(string text)
    {
        int colon = text.LastIndexOf(':');
        if (colon < 1
            || !ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ushort port)
            || port == 0
            || text[colon + 1] == '0')
        {
            return null;
        }

        string host = text[..colon];
        bool isBracketed = host.StartsWith('[') && host.EndsWith(']');
        return IPAddress.TryParse(isBracketed ? host[1..^1] : host, out IPAddress? address)
            && (address.AddressFamily == AddressFamily.InterNetworkV6) == isBracketed
            && address.ToString() == (isBracketed ? host[1..^1] : host)
            ? new IPEndPoint(address, port)
            : null;
    }
}
