using EgressAgent.Linux.Accounts;
using EgressAgent.Linux.Interop;
using Tmds.DBus.Protocol;

namespace EgressAgent.Linux.Bus;

/// <summary>Who calls, as the bus knows it.</summary>
/// <param name="User">The effective user id at the time of the connection to the bus.</param>
/// <param name="Groups">The ids of all groups of the process.</param>
public sealed record BusCaller(uint User, IReadOnlySet<uint> Groups)
{
    private static readonly string[] JournalReaders = ["adm", "systemd-journal"];
    private static readonly AccountFiles Accounts = new();

    /// <summary>Whether access that is restricted to those is given to this caller.</summary>
    /// <exception cref="IOException">The machine's groups cannot be read.</exception>
    public bool Has(BusAccess access) => access switch
    {
        BusAccess.Everyone => true,
        BusAccess.Privileged => IsPrivileged,
        BusAccess.JournalReaders => IsPrivileged || Groups.Overlaps(Accounts.FindGroups(JournalReaders)),
        _ => false,
    };

    private bool IsPrivileged => User == 0 || User == LibC.geteuid();

    /// <summary>Reads the answer of org.freedesktop.DBus.GetConnectionCredentials.</summary>
    internal static BusCaller? Read(ref Reader credentials)
    {
        Dictionary<string, VariantValue> values = credentials.ReadDictionaryOfStringToVariantValue();
        if (!values.TryGetValue("UnixUserID", out VariantValue user))
        {
            return null;
        }

        // dbus-daemon tells the groups since 1.14.
        return new BusCaller(
            user.GetUInt32(),
            values.TryGetValue("UnixGroupIDs", out VariantValue groups)
                ? groups.GetArray<uint>().ToHashSet()
                : Accounts.GroupsOf(user.GetUInt32()));
    }
}
