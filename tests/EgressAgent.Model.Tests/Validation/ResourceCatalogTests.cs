using System.Net;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Validation;

namespace EgressAgent.Model.Tests.Validation;

public class ResourceCatalogTests
{
    private static readonly Dictionary<ResourceKey, IResource> Nothing = [];

    [Fact]
    public void Merge_withoutConflicts_takesEveryRouter()
    {
        ResourceCatalog catalog = ResourceCatalog.Merge(
            [File("b.yaml", ("b", "192.168.12.2/24")), File("a.yaml", ("a", "192.168.12.1/24"), ("c", "192.168.12.3/24"))], Nothing);

        Assert.Equal(["a 192.168.12.1", "b 192.168.12.2", "c 192.168.12.3"], Running(catalog));
        Assert.Empty(catalog.Conflicts);
        Assert.All(catalog.Entries, entry => Assert.True(entry.IsCurrent));
    }

    [Fact]
    public void Merge_nameTwice_keepsTheFirstFile()
    {
        ResourceCatalog catalog = ResourceCatalog.Merge([File("b.yaml", ("web", "192.168.12.2/24")), File("a.yaml", ("web", "192.168.12.1/24"))], Nothing);

        Assert.Equal(["web 192.168.12.1"], Running(catalog));
        Assert.Equal(["b.yaml:3:18: metadata.name: the router default/web is already defined in a.yaml, line 3"], Texts(catalog));
    }

    [Fact]
    public void Merge_nameTwiceInOneFile_keepsTheFirstDocument()
    {
        ResourceCatalog catalog = ResourceCatalog.Merge([File("a.yaml", ("web", "192.168.12.1/24"), ("web", "192.168.12.2/24"))], Nothing);

        Assert.Equal(["web 192.168.12.1"], Running(catalog));
        Assert.Equal(["a.yaml:12:18: metadata.name: the router default/web is already defined in a.yaml, line 3"], Texts(catalog));
    }

    [Fact]
    public void Merge_nameThatIsInForce_staysWithItsFile()
    {
        RouterFile running = File("z.yaml", ("web", "192.168.12.1/24"));
        ResourceCatalog catalog = ResourceCatalog.Merge([File("a.yaml", ("web", "192.168.12.2/24")), running], InForce(running));

        Assert.Equal(["web 192.168.12.1"], Running(catalog));
        Assert.Equal(["a.yaml:3:18: metadata.name: the router default/web is already defined in z.yaml, line 3"], Texts(catalog));
    }

    [Fact]
    public void Merge_nameThatLeftItsFile_goesToTheOther()
    {
        RouterFile before = File("z.yaml", ("web", "192.168.12.1/24"));
        ResourceCatalog catalog = ResourceCatalog.Merge([File("a.yaml", ("web", "192.168.12.1/24")), File("z.yaml", ("db", "192.168.12.3/24"))], InForce(before));

        Assert.Equal(["db 192.168.12.3", "web 192.168.12.1"], Running(catalog));
        Assert.Empty(catalog.Conflicts);
    }

    [Fact]
    public void Merge_nameInABrokenDocumentThatNeverRan_goesToTheGoodOne()
    {
        RouterFile broken = Routers.Parse(Routers.Document("web", "192.168.12.0/24"), "a.yaml");
        ResourceCatalog catalog = ResourceCatalog.Merge([broken, File("b.yaml", ("web", "192.168.12.2/24"))], Nothing);

        Assert.Equal(["web 192.168.12.2"], Running(catalog));
    }

    [Fact]
    public void Merge_addressTwice_keepsTheFirst()
    {
        ResourceCatalog catalog = ResourceCatalog.Merge([File("a.yaml", ("a", "192.168.12.1/24"), ("b", "192.168.12.1/32"))], Nothing);

        Assert.Equal(["a 192.168.12.1", "b -"], Running(catalog));
        Assert.Equal(
            ["a.yaml:14:20: spec.addresses[0].ip: 192.168.12.1 is already reserved by the router default/a in a.yaml, line 3"], Texts(catalog));
        Assert.Equal(catalog.Conflicts, catalog.Entries[1].Diagnostics);
    }

    [Fact]
    public void Merge_insideAddressTwice_keepsTheFirst()
    {
        ResourceCatalog catalog = ResourceCatalog.Merge([Pinned("a", "192.168.12.1/24", "198.18.0.9"), Pinned("b", "192.168.12.2/24", "198.18.0.9")], Nothing);

        Assert.Equal(["a 192.168.12.1", "b -"], Running(catalog));
        Assert.Equal(
            ["b.yaml:3:67: metadata.annotations[egressagent.org/inside-address]: 198.18.0.9 is already the inside address of the router default/a in a.yaml, line 3"],
            Texts(catalog));
    }

    [Fact]
    public void Merge_insideAddressThatIsInForce_staysWithItsRouter()
    {
        RouterFile running = Pinned("z", "192.168.12.1/24", "198.18.0.9");
        ResourceCatalog catalog = ResourceCatalog.Merge([Pinned("a", "192.168.12.2/24", "198.18.0.9"), running], InForce(running));

        Assert.Equal(["a -", "z 192.168.12.1"], Running(catalog));
    }

    [Theory]
    [InlineData("198.19.0.9", "198.19.0.9 must be in 198.18.0.0/16, from which the agent gives inside addresses (`insideNetworks`)")]
    [InlineData("198.18.0.1", "must be the address of one host; 198.18.0.1 is the node's own in 198.18.0.0/16")]
    [InlineData("198.18.0.0", "must be the address of one host; 198.18.0.0 is the network address of 198.18.0.0/16")]
    [InlineData("198.18.255.255", "must be the address of one host; 198.18.255.255 is the broadcast address of 198.18.0.0/16")]
    public void Merge_insideAddressOutsideOfTheInsideNetworks_isAFault(string address, string fault)
    {
        RouterFile file = Pinned("a", "192.168.12.1/24", address);

        ResourceCatalog catalog = ResourceCatalog.Merge([file], Nothing, new AgentConfiguration { InsideNetworks = [IPNetwork.Parse("198.18.0.0/16")] });

        Assert.Equal(["a -"], Running(catalog));
        Assert.Equal([$"a.yaml:3:67: metadata.annotations[egressagent.org/inside-address]: {fault}"], Texts(catalog));
        Assert.Empty(ResourceCatalog.Merge([file], Nothing).Conflicts);
    }

    [Fact]
    public void Merge_insideAddressOfAFamilyWithoutNetwork_isAFault()
    {
        ResourceCatalog catalog = ResourceCatalog.Merge(
            [Pinned("a", "192.168.12.1/24", "198.18.0.9")], Nothing, new AgentConfiguration { InsideNetworks = [IPNetwork.Parse("fd96:e9e5:a::/112")] });

        Assert.EndsWith("198.18.0.9 has no place: `insideNetworks` of the agent has no IPv4 network", Assert.Single(Texts(catalog)));
    }

    [Fact]
    public void Merge_addressThatIsInForce_staysWithItsRouter()
    {
        RouterFile running = File("z.yaml", ("z", "192.168.12.1/24"));
        ResourceCatalog catalog = ResourceCatalog.Merge([File("a.yaml", ("a", "192.168.12.1/24")), running], InForce(running));

        Assert.Equal(["a -", "z 192.168.12.1"], Running(catalog));
    }

    [Fact]
    public void Merge_addressGivenUpInTheSameEdit_isFree()
    {
        RouterFile before = File("z.yaml", ("z", "192.168.12.1/24"));
        ResourceCatalog catalog = ResourceCatalog.Merge([File("a.yaml", ("a", "192.168.12.1/24")), File("z.yaml", ("z", "192.168.12.2/24"))], InForce(before));

        Assert.Equal(["a 192.168.12.1", "z 192.168.12.2"], Running(catalog));
        Assert.Empty(catalog.Conflicts);
    }

    [Fact]
    public void Merge_addressesSwapped_areSwapped()
    {
        RouterFile before = File("a.yaml", ("a", "192.168.12.1/24"), ("b", "192.168.12.2/24"));
        ResourceCatalog catalog = ResourceCatalog.Merge([File("a.yaml", ("a", "192.168.12.2/24"), ("b", "192.168.12.1/24"))], InForce(before));

        Assert.Equal(["a 192.168.12.2", "b 192.168.12.1"], Running(catalog));
    }

    [Fact]
    public void Merge_editThatWantsATakenAddress_keepsTheFormerOneAgainstNewcomers()
    {
        RouterFile before = File("b.yaml", ("b", "192.168.12.1/24"), ("c", "192.168.12.2/24"));
        RouterFile after = File("b.yaml", ("b", "192.168.12.2/24"), ("c", "192.168.12.2/24"));
        ResourceCatalog catalog = ResourceCatalog.Merge([File("a.yaml", ("a", "192.168.12.1/24")), after], InForce(before));

        Assert.Equal(["a -", "b 192.168.12.1", "c 192.168.12.2"], Running(catalog));
        Assert.False(catalog.Entries[1].IsCurrent);
        Assert.Equal(
            [
                "b.yaml:5:20: spec.addresses[0].ip: 192.168.12.2 is already reserved by the router default/c in b.yaml, line 12",
                "a.yaml:5:20: spec.addresses[0].ip: 192.168.12.1 is already reserved by the router default/b in b.yaml, line 3",
            ],
            Texts(catalog));
    }

    [Fact]
    public void Merge_brokenEdit_keepsTheLastGoodSpecAndItsAddress()
    {
        RouterFile before = File("b.yaml", ("b", "192.168.12.1/24"));
        RouterFile broken = Routers.Parse(Routers.Document("b", "192.168.12.0/24"), "b.yaml");
        ResourceCatalog catalog = ResourceCatalog.Merge([File("a.yaml", ("a", "192.168.12.1/24")), broken], InForce(before));

        Assert.Equal(["a -", "b 192.168.12.1"], Running(catalog));
        Assert.False(catalog.Entries[1].IsCurrent);
        Assert.Equal(broken.Documents[0].Diagnostics, catalog.Entries[1].Diagnostics);
    }

    [Fact]
    public void Merge_brokenDocumentThatNeverRan_isListedWithNothingToRun()
    {
        ResourceCatalog catalog = ResourceCatalog.Merge([Routers.Parse(Routers.Document("b", "192.168.12.0/24"), "b.yaml")], Nothing);

        ResourceCatalogEntry entry = Assert.Single(catalog.Entries);
        Assert.Null(entry.Resource);
        Assert.Single(entry.Diagnostics);
    }

    [Fact]
    public void Merge_fileGone_removesItsRouters()
    {
        RouterFile before = File("a.yaml", ("a", "192.168.12.1/24"));

        Assert.Empty(ResourceCatalog.Merge([], InForce(before)).Entries);
    }

    [Fact]
    public void Merge_documentGoneFromACompleteFile_removesItsRouter()
    {
        RouterFile before = File("a.yaml", ("a", "192.168.12.1/24"), ("b", "192.168.12.2/24"));

        Assert.Equal(["b 192.168.12.2"], Running(ResourceCatalog.Merge([File("a.yaml", ("b", "192.168.12.2/24"))], InForce(before))));
    }

    [Theory]
    [InlineData("")]
    [InlineData("metadata: {name: 'a\n")]
    public void Merge_fileThatCannotBeRead_keepsItsRouters(string content)
    {
        RouterFile before = File("b.yaml", ("a", "192.168.12.1/24"));
        RouterFile unread = Routers.Parse(content, "b.yaml");
        ResourceCatalog catalog = ResourceCatalog.Merge([File("a.yaml", ("a", "192.168.12.2/24"), ("c", "192.168.12.1/24")), unread], InForce(before));

        Assert.Equal(["a 192.168.12.1", "c -"], Running(catalog));
        Assert.Equal(unread.AllDiagnostics, catalog.Entries[0].Diagnostics);
    }

    [Fact]
    public void Merge_twoRoutersInForceWithOneAddress_keepsOne()
    {
        RouterFile a = File("a.yaml", ("a", "192.168.12.1/24"));
        RouterFile b = File("b.yaml", ("b", "192.168.12.1/24"));
        Dictionary<ResourceKey, IResource> both = InForce(a);
        both.Add(b.Documents[0].Key!.Value, b.Documents[0].Router!);

        Assert.Equal(["a 192.168.12.1", "b -"], Running(ResourceCatalog.Merge([a, b], both)));
    }

    [Fact]
    public void Merge_again_changesNothing()
    {
        RouterFile[] files =
        [
            File("a.yaml", ("a", "192.168.12.1/24"), ("b", "192.168.12.1/24"), ("a", "192.168.12.3/24")),
            File("b.yaml", ("c", "192.168.12.3/24"), ("b", "192.168.12.4/24")),
        ];
        ResourceCatalog first = ResourceCatalog.Merge(files, Nothing);
        ResourceCatalog second = ResourceCatalog.Merge(
            files.Reverse(), first.Entries.Where(entry => entry.Resource is not null).ToDictionary(entry => entry.Key, entry => entry.Resource!));

        Assert.Equal(first, second);
    }

    [Fact]
    public void Merge_itemOfAList_isNamedByItsPath()
    {
        string item = Routers.Document("b", "192.168.12.1/24").ReplaceLineEndings("\n  ").TrimEnd();
        RouterFile list = Routers.Parse($"apiVersion: v1\nkind: List\nitems:\n- {item}\n", "b.yaml");
        ResourceCatalog catalog = ResourceCatalog.Merge([File("a.yaml", ("a", "192.168.12.1/24")), list], Nothing);

        Assert.Equal(
            ["b.yaml:8:22: items[0].spec.addresses[0].ip: 192.168.12.1 is already reserved by the router default/a in a.yaml, line 3"], Texts(catalog));
    }

    private static RouterFile File(string path, params (string Name, string Address)[] routers)
    {
        RouterFile file = Routers.Parse(string.Join("---\n", routers.Select(router => Routers.Document(router.Name, router.Address))), path);
        Assert.Empty(file.AllDiagnostics);
        return file;
    }

    private static RouterFile Pinned(string name, string address, string inside)
    {
        string document = Routers.Document(name, address).Replace(
            "namespace: default", $"annotations: {{egressagent.org/inside-address: \"{inside}\"}}", StringComparison.Ordinal);
        RouterFile file = Routers.Parse(document, $"{name}.yaml");
        Assert.Empty(file.AllDiagnostics);
        return file;
    }

    private static Dictionary<ResourceKey, IResource> InForce(RouterFile file) =>
        file.Documents.ToDictionary(document => document.Key!.Value, document => document.Resource!);

    private static IEnumerable<string> Running(ResourceCatalog catalog) =>
        catalog.Entries.Select(entry => $"{entry.Key.Name} {(entry.Resource as EgressRouterResource)?.Spec.Addresses[0].Address.Address.ToString() ?? "-"}");

    private static IEnumerable<string> Texts(ResourceCatalog catalog) => catalog.Conflicts.Select(conflict => conflict.ToString());
}
