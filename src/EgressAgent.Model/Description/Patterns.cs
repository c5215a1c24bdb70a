namespace EgressAgent.Model.Description;

/// <summary>
/// What texts match at least. A pattern keeps out what is plainly something else; validation says the rest, and in words.
/// </summary>
internal static class Patterns
{
    public const string Address = $"^({V4}|{V6})$";
    public const string AddressWithPrefix = $"^({V4}(/([1-9]|[12][0-9]|3[0-2]))?|{V6}(/([1-9]|[1-9][0-9]|1[01][0-9]|12[0-8]))?)$";
    public const string Network = $"^({V4}(/([0-9]|[12][0-9]|3[0-2]))?|{V6}(/([0-9]|[1-9][0-9]|1[01][0-9]|12[0-8]))?)$";
    public const string NetworkOrNode = $"^(node|{V4}(/([0-9]|[12][0-9]|3[0-2]))?|{V6}(/([0-9]|[1-9][0-9]|1[01][0-9]|12[0-8]))?)$";
    public const string Clients = $"^ *{Client}( *, *{Client})* *$";
    public const string Addresses = $"^ *({V4}|{V6})( *, *({V4}|{V6}))? *$";
    public const string ClusterAddress = $"^(None|{V4}|{V6})?$";
    public const string ServiceLabel = "^[a-z]([-a-z0-9]*[a-z0-9])?$";
    public const string PortName = "^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$";
    public const string HostNames = $"^ *{HostName}( *, *{HostName})* *$";
    public const string Mac = "^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$";
    public const string Interface = "^[^/: ]*$";
    public const string Subdomain = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
    public const string Label = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";
    public const string LabelValue = "^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$";
    public const string Duration = "^([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$";

    public const string JournalNamespace = "^[A-Za-z0-9][-A-Za-z0-9_.]{0,63}$";
    public const string AbsolutePath = "^/";
    public const string LoopbackEndpoint = $"^(127([.]{Byte}){{3}}|\\[::1\\]):[1-9][0-9]{{0,4}}$";

    public const string EtcdEndpoint = "^https?://[^/@? ]+:[0-9]{1,5}/?$";

    public const string EtcdUser = "^[-A-Za-z0-9._@]+$";

    private const string Byte = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
    private const string V4 = $"{Byte}([.]{Byte}){{3}}";
    private const string V6 = "[0-9a-fA-F:]*:[0-9a-fA-F:.]*";
    private const string HostName = "[a-z0-9]([-a-z0-9.]*[a-z0-9])?";
    private const string Client = $"(node|{V4}(/[0-9]+)?|{V6}(/[0-9]+)?)";
}
