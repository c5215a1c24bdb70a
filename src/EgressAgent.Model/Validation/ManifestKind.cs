namespace EgressAgent.Model.Validation;

/// <summary>A kind of document that a router file may hold.</summary>
/// <param name="Name">Its <c>kind</c>.</param>
/// <param name="ApiVersion">Its <c>apiVersion</c>.</param>
internal sealed record ManifestKind(string Name, string ApiVersion)
{
    public const string RouterApiVersion = "network.operator.openshift.io/v1";

    public static readonly ManifestKind EgressRouter = new("EgressRouter", RouterApiVersion);
    public static readonly ManifestKind EgressRouterList = new("EgressRouterList", RouterApiVersion);
    public static readonly ManifestKind Service = new("Service", "v1");
    public static readonly ManifestKind List = new("List", "v1");

    public static readonly ValueList<ManifestKind> All = [EgressRouter, EgressRouterList, Service, List];

    public bool IsList => this == List || this == EgressRouterList;

    public static ManifestKind? Find(string name) => All.FirstOrDefault(kind => kind.Name == name);
}
