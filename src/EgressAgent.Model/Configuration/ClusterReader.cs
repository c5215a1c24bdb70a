using System.Net;
using EgressAgent.Model.Description;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Validation;
using EgressAgent.Model.Yaml;

namespace EgressAgent.Model.Configuration;

/// <summary>Reads with which nodes this one agrees, and where.</summary>
internal static class ClusterReader
{
    private const string File = "the absolute path of a file";
    private const string Endpoint = "`https://HOST:PORT` of a member of etcd, such as `https://192.0.2.11:2379`";

    /// <returns>Null when it is in error, which is reported.</returns>
    public static ClusterSettings? Read(Field field)
    {
        if (field.ReadFields("a mapping with `name` and `etcd`") is not { } fields)
        {
            return null;
        }

        string? name = fields.Read(SettingsFields.ClusterName) is { } nameField ? ReadName(nameField, KubernetesNames.IsDnsLabel, KubernetesNames.DnsLabelRule) : null;
        string? node = fields.Read(SettingsFields.Node) is { } nodeField ? ReadName(nodeField, KubernetesNames.IsSubdomain, KubernetesNames.SubdomainRule) : null;
        EtcdSettings? etcd = fields.Read(SettingsFields.Etcd) is { } etcdField ? ReadEtcd(etcdField) : null;
        int priority = fields.Read(SettingsFields.Priority)?.ReadInteger(SettingsFields.Priority) ?? ClusterSettings.DefaultPriority;
        bool preempts = fields.Read(SettingsFields.Preempt)?.ReadBoolean() ?? false;
        HeartbeatSettings? heartbeat = fields.Read(SettingsFields.Heartbeat) is { } heartbeatField ? ReadHeartbeat(heartbeatField) : null;
        fields.Close();
        return name is null || etcd is null ? null : new ClusterSettings(name, node, etcd, heartbeat, priority, preempts);
    }

    private static string? ReadName(Field field, Func<string, bool> isOne, string rule)
    {
        if (field.ReadText($"a name: {rule}") is not { } text)
        {
            return null;
        }

        if (isOne(text))
        {
            return text;
        }

        field.Error($"must be a name: {rule}; not {YamlScalar.Quote(text)}");
        return null;
    }

    private static HeartbeatSettings? ReadHeartbeat(Field field)
    {
        if (field.ReadFields("a mapping with `address`") is not { } fields)
        {
            return null;
        }

        IPAddress? address = fields.Read(SettingsFields.HeartbeatAddress) is { } addressField ? ReadAddress(addressField) : null;
        IPAddress? listen = fields.Read(SettingsFields.HeartbeatListen) is { } listenField ? ReadAddress(listenField, isAnyTaken: true) : null;
        int port = fields.Read(SettingsFields.HeartbeatPort)?.ReadInteger(SettingsFields.HeartbeatPort) ?? HeartbeatSettings.DefaultPort;
        fields.Close();
        return address is null ? null : new HeartbeatSettings(address, listen ?? address, port);
    }

    private static IPAddress? ReadAddress(Field field, bool isAnyTaken = false)
    {
        const string what = "an IP address of this node, such as `192.0.2.1`";
        if (field.ReadText(what) is not { } text)
        {
            return null;
        }

        if (IPAddress.TryParse(text, out IPAddress? address) && address.ToString() == text
            && (isAnyTaken || !(address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any))))
        {
            return address;
        }

        field.Error($"must be {what}, not {YamlScalar.Quote(text)}");
        return null;
    }

    private static EtcdSettings? ReadEtcd(Field field)
    {
        if (field.ReadFields("a mapping with `endpoints`") is not { } fields)
        {
            return null;
        }

        ValueList<string>? endpoints = fields.Read(SettingsFields.Endpoints) is { } list ? ReadEndpoints(list) : null;
        string? ca = ReadPath(fields.Read(SettingsFields.CaFile));
        (string? cert, string? key) = ReadPair(fields, SettingsFields.CertFile, SettingsFields.KeyFile, ReadPath);
        (string? user, string? password) = ReadPair(fields, SettingsFields.Username, SettingsFields.PasswordFile, ReadPath, ReadUser);
        fields.Close();
        return endpoints is null ? null : new EtcdSettings(endpoints, ca, cert, key, user, password);
    }

    // Neither of the two serves alone.
    private static (string? First, string? Second) ReadPair(
        FieldReader fields, FieldRule first, FieldRule second, Func<Field?, string?> readSecond, Func<Field?, string?>? readFirst = null)
    {
        (Field? firstField, Field? secondField) = (fields.Read(first), fields.Read(second));
        if (firstField is { } alone && secondField is null)
        {
            alone.Error($"needs `{second.Name}` beside it");
        }
        else if (secondField is { } lonely && firstField is null)
        {
            lonely.Error($"needs `{first.Name}` beside it");
        }

        return ((readFirst ?? readSecond)(firstField), readSecond(secondField));
    }

    private static ValueList<string>? ReadEndpoints(Field field)
    {
        if (field.ReadList("a list of endpoints of etcd") is not { } items)
        {
            return null;
        }

        if (items.Count == 0)
        {
            field.Error("needs at least one endpoint of etcd");
        }

        return [.. items.Select(ReadEndpoint).OfType<string>()];
    }

    private static string? ReadEndpoint(Field field)
    {
        if (field.ReadText(Endpoint) is not { } text)
        {
            return null;
        }

        // A port that is left out would be that of the web.
        if (!Uri.TryCreate(text, UriKind.Absolute, out Uri? uri)
            || (uri.Scheme != Uri.UriSchemeHttps && uri.Scheme != Uri.UriSchemeHttp)
            || uri.PathAndQuery != "/" || uri.Fragment != "" || uri.UserInfo != "" || uri.Host == "" || uri.Port == 0
            || !text.TrimEnd('/').EndsWith($":{uri.Port}", StringComparison.Ordinal))
        {
            field.Error($"must be {Endpoint}, not {YamlScalar.Quote(text)}");
            return null;
        }

        if (uri.Scheme == Uri.UriSchemeHttp && !uri.IsLoopback)
        {
            field.Warn($"without TLS whoever is on the way to {uri.Authority} can take the cluster's addresses; give `https://` and `caFile`");
        }

        return uri.GetLeftPart(UriPartial.Authority);
    }

    private static string? ReadUser(Field? field) =>
        field is { } given ? ReadName(given, text => text.Length > 0 && text.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '.' or '_' or '@'), "letters, digits, `-`, `.`, `_` and `@`") : null;

    private static string? ReadPath(Field? field)
    {
        if (field is not { } given || given.ReadText(File) is not { } text)
        {
            return null;
        }

        if (text.StartsWith('/') && !text.Contains('\0'))
        {
            return text;
        }

        given.Error($"must be {File}, not {YamlScalar.Quote(text)}");
        return null;
    }
}
