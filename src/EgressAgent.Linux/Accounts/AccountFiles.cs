namespace EgressAgent.Linux.Accounts;

/// <summary>
/// Users and groups of the machine's own files, passwd(5) and group(5). Those of a directory service are not in them; to ask for
/// them is to wait for the network.
/// </summary>
/// <param name="directory">Where the two files are.</param>
public sealed class AccountFiles(string directory = "/etc")
{
    private const int NameField = 0;
    private const int IdField = 2;
    private const int PrimaryGroupField = 3;
    private const int MembersField = 3;

    /// <summary>The ids of those of the named groups that exist.</summary>
    /// <exception cref="IOException">A file cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">A file cannot be read.</exception>
    public IReadOnlySet<uint> FindGroups(params IReadOnlyCollection<string> names) =>
        Groups.Where(group => names.Contains(group[NameField])).Select(group => uint.Parse(group[IdField])).ToHashSet();

    /// <summary>The primary group and all others of a user; none where the files do not know the user.</summary>
    /// <exception cref="IOException">A file cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">A file cannot be read.</exception>
    public IReadOnlySet<uint> GroupsOf(uint user)
    {
        HashSet<uint> groups = [];
        foreach (string[] account in Read("passwd").Where(account => account[IdField] == user.ToString() && uint.TryParse(account[PrimaryGroupField], out _)))
        {
            groups.Add(uint.Parse(account[PrimaryGroupField]));
            groups.UnionWith(Groups
                .Where(group => group[MembersField].Split(',').Contains(account[NameField]))
                .Select(group => uint.Parse(group[IdField])));
        }

        return groups;
    }

    private IEnumerable<string[]> Groups => Read("group").Where(group => uint.TryParse(group[IdField], out _));

    private IEnumerable<string[]> Read(string file) =>
        File.ReadLines(Path.Combine(directory, file)).Select(line => line.Split(':')).Where(fields => fields.Length > PrimaryGroupField);
}
