using System.Globalization;

namespace EgressAgent.Model.Validation;

/// <summary>Which files of <c>/etc/egress-router</c> are read.</summary>
public static class RouterFileNames
{
    private const UnixFileMode WritableByOthers = UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;

    /// <summary>
    /// True for <c>*.yaml</c> and <c>*.yml</c> that are not hidden. What editors and package managers leave beside a file
    /// (<c>.web.yaml.swp</c>, <c>web.yaml~</c>, <c>web.yaml.bak</c>, <c>web.yaml.dpkg-new</c>, <c>web.yaml.rpmsave</c>) is
    /// not, since it begins with a dot or ends in something else.
    /// </summary>
    /// <param name="name">Without the directory.</param>
    public static bool IsRouterFile(string name) =>
        !name.StartsWith('.')
        && (name.EndsWith(".yaml", StringComparison.Ordinal) || name.EndsWith(".yml", StringComparison.Ordinal));

    /// <summary>True for what nobody expects to be read: hidden files, and what editors and package managers leave beside one.</summary>
    /// <param name="name">Without the directory.</param>
    public static bool IsLeftover(string name) =>
        name.StartsWith('.')
        || name.EndsWith('~')
        || name.EndsWith(".swp", StringComparison.Ordinal)
        || name.EndsWith(".bak", StringComparison.Ordinal)
        || name.Contains(".dpkg-", StringComparison.Ordinal)
        || name.Contains(".rpm", StringComparison.Ordinal);

    /// <summary>
    /// Null when the file may be trusted: it says where the node's traffic goes, so nobody but root may be able to write it. Else
    /// the message for the administrator.
    /// </summary>
    /// <param name="owner">The user who owns it (st_uid).</param>
    /// <param name="mode">Its permissions.</param>
    public static string? WhyRefused(uint owner, UnixFileMode mode)
    {
        if (owner != 0)
        {
            string user = owner.ToString(CultureInfo.InvariantCulture);
            return $"the file belongs to user {user} and is not read; it must belong to root (chown root)";
        }

        string octal = Convert.ToString((int)mode, 8).PadLeft(4, '0');
        return (mode & WritableByOthers) == 0
            ? null
            : $"the file is writable by group or others (mode {octal}) and is not read; only root may write it (chmod go-w)";
    }

    /// <summary>
    /// Null when a directory on the way to a file may be trusted: who can write in it can put another file in that one's place,
    /// unless it is sticky. Else the message for the administrator.
    /// </summary>
    /// <param name="path">The directory.</param>
    /// <param name="owner">The user who owns it (st_uid).</param>
    /// <param name="mode">Its permissions.</param>
    public static string? WhyDirectoryRefused(string path, uint owner, UnixFileMode mode)
    {
        if (owner != 0)
        {
            string user = owner.ToString(CultureInfo.InvariantCulture);
            return $"the file is not read, since the directory {path} on the way to it belongs to user {user}, who can replace it (chown root {path})";
        }

        return (mode & WritableByOthers) == 0 || (mode & UnixFileMode.StickyBit) != 0
            ? null
            : $"the file is not read, since the directory {path} on the way to it is writable by group or others, who can replace it (chmod go-w {path})";
    }

    /// <summary>Null when a symbolic link on the way to a file may be trusted, else the message for the administrator.</summary>
    /// <param name="path">The link.</param>
    /// <param name="owner">The user who owns it (st_uid).</param>
    public static string? WhyLinkRefused(string path, uint owner) => owner == 0
        ? null
        : $"the file is not read, since the link {path} on the way to it belongs to user "
            + $"{owner.ToString(CultureInfo.InvariantCulture)}, who can replace it (chown --no-dereference root {path})";
}
