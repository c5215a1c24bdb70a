using System.Text.RegularExpressions;

namespace EgressAgent.Model.Tests;

/// <summary>
/// Within each project a folder uses only those that stand before it, so that whoever reads one knows where to go on, and a change
/// stops somewhere.
/// </summary>
public sealed partial class FolderOrderTests
{
    // "" is the project's own folder. A folder stands for those in it that are not named.
    private static readonly Dictionary<string, (string Namespace, string[] Order)> Projects = new()
    {
        ["EgressAgent.Linux"] = ("EgressAgent.Linux",
        [
            "", "Interop.Uapi", "Interop", "Clocks", "FileDescriptors", "Accounts", "Files", "Journal", "Systemd", "Sockets", "Bpf", "Epoll", "Namespaces", "Cgroups",
            "Netlink.Codec", "Netlink.Links", "Netlink.Routes", "Netlink.Addresses", "Netlink.Neighbours", "Netlink.Rules", "Netlink.Filters", "Netlink", "Netlink.Conntrack", "Netlink.Claims", "Netlink.SocketDiagnostics",
            "Nftables", "AddressConflicts", "Arp", "Ndp", "Inquiries", "Netlink.Monitoring", "Bus",
        ]),
        ["EgressAgent.Model"] = ("EgressAgent.Model",
        [
            "", "Addressing", "Resources", "Description", "Yaml", "Validation", "Configuration", "Legacy", "Redirecting", "Planning", "Status",
        ]),
        ["EgressAgent.Engine"] = ("EgressAgent.Engine", ["", "Clients", "Records", "Relay", "Redirect", "Flows", "Kernel", "Registry", "Cluster.Etcd", "Cluster", "Reconcile", "Traffic"]),
        ["egress-agentd"] = ("EgressAgent.Daemon", ["", "Logging", "State", "Watch", "Names", "Metrics", "Bus", "Hosting", "Commands"]),
        ["egressctl"] = ("EgressAgent.Control", ["", "Agent", "Setup", "Printing", "Commands"]),
    };

    public static TheoryData<string> ProjectNames => [.. Projects.Keys];

    [Theory]
    [MemberData(nameof(ProjectNames))]
    public void Folders_use_only_those_that_stand_before_them(string project)
    {
        (string ns, string[] order) = Projects[project];
        SourceFile[] files = [.. SourceFile.In(Path.Combine(RepositoryFiles.Root, "src", project), ns)];
        Assert.Empty(files.Select(file => file.Folder).Where(folder => Place(order, folder) < 0).Distinct());

        ILookup<string, string> foldersOf = files.SelectMany(file => file.Declared.Select(type => (type, file.Folder))).Distinct()
            .ToLookup(item => item.type, item => item.Folder);
        string[] backwards =
        [
            .. from file in files
               from type in file.Identifiers
               where !foldersOf[type].Contains(file.Folder)
               from folder in foldersOf[type]
               where file.Sees(folder) && Place(order, folder) > Place(order, file.Folder)
               select $"{file.Name} in {Show(file.Folder)} uses {type} of {Show(folder)}, which stands after it",
        ];
        Assert.Empty(backwards);
    }

    private static int Place(string[] order, string folder)
    {
        int place = Array.IndexOf(order, folder);
        return place >= 0 || !folder.Contains('.') ? place : Place(order, folder[..folder.LastIndexOf('.')]);
    }

    private static string Show(string folder) => folder == "" ? "the project's own folder" : folder;

    private sealed partial record SourceFile(string Name, string Folder, HashSet<string> Declared, HashSet<string> Identifiers, HashSet<string> Imported)
    {
        public static IEnumerable<SourceFile> In(string directory, string ns) =>
            from path in Directory.EnumerateFiles(directory, "*.cs", SearchOption.AllDirectories)
            let folder = Path.GetRelativePath(directory, Path.GetDirectoryName(path)!).Replace('/', '.')
            where !folder.StartsWith("obj", StringComparison.Ordinal) && !folder.StartsWith("bin", StringComparison.Ordinal)
            select Read(path, folder == "." ? "" : folder, ns);

        public bool Sees(string folder) => folder == "" || Folder.StartsWith(folder + ".", StringComparison.Ordinal) || Imported.Contains(folder);

        private static SourceFile Read(string path, string folder, string ns)
        {
            string code = CommentsAndTexts().Replace(File.ReadAllText(path), "");
            string[] imports =
            [
                .. Import().Matches(code).Where(match => match.Groups["name"].Value.StartsWith(ns + ".", StringComparison.Ordinal))
                    .Select(match => match.Groups["name"].Value[(ns.Length + 1)..]),
            ];
            return new SourceFile(
                Path.GetFileName(path),
                folder,
                [.. Declaration().Matches(code).Select(match => match.Groups["name"].Value)],
                [.. Identifier().Matches(code).Select(match => match.Value)],

                // Of a static import the last name is a type's.
                [.. imports, .. imports.Where(name => name.Contains('.')).Select(name => name[..name.LastIndexOf('.')])]);
        }

        [GeneratedRegex("""//[^\n]*|"(\\.|[^"\\\n])*"|'(\\.|[^'\\])'""")]
        private static partial Regex CommentsAndTexts();

        [GeneratedRegex(@"\busing (static )?(?<name>[\w.]+);")]
        private static partial Regex Import();

        [GeneratedRegex(@"\b(class|struct|record|enum|interface)\s+(?<name>[A-Z]\w*)|\bdelegate\s+[\w<>?\[\]]+\s+(?<name>[A-Z]\w*)")]
        private static partial Regex Declaration();

        [GeneratedRegex(@"\b[A-Z]\w*\b")]
        private static partial Regex Identifier();
    }
}
