using System.Net.NetworkInformation;
using EgressAgent.Linux.Interop;
using EgressAgent.Linux.Interop.Uapi;
using EgressAgent.Linux.Netlink.Codec;
using static EgressAgent.Linux.Interop.Uapi.IfLinkH;

namespace EgressAgent.Linux.Netlink.Links;

/// <summary>Reads RTM_NEWLINK and RTM_DELLINK.</summary>
internal static class LinkMessage
{
    /// <summary>Null for messages about bridge ports, which come as links of another family: the link itself is not meant.</summary>
    public static Link? Read(ref NetlinkReader reader)
    {
        IfInfoMsg header = reader.Read<IfInfoMsg>();
        if (header.ifi_family == LibC.AF_BRIDGE)
        {
            return null;
        }

        string name = "";
        string? kind = null;
        string? alias = null;
        int mtu = 0;
        uint group = 0;
        int? parent = null;
        int? parentNetns = null;
        int? master = null;
        MacvlanMode? macvlanMode = null;
        OperationalState state = default;
        uint carrierUps = 0;
        PhysicalAddress mac = PhysicalAddress.None;
        IReadOnlyList<string> altNames = [];
        while (reader.MoveNext())
        {
            switch (reader.Type)
            {
                case IFLA_IFNAME:
                    name = reader.GetString();
                    break;
                case IFLA_ADDRESS:
                    mac = reader.GetMac();
                    break;
                case IFLA_MTU:
                    mtu = reader.GetInt32();
                    break;
                case IFLA_GROUP:
                    group = reader.GetUInt32();
                    break;
                case IFLA_LINK:
                    parent = reader.GetInt32();
                    break;
                case IFLA_LINK_NETNSID:
                    parentNetns = reader.GetInt32();
                    break;
                case IFLA_MASTER:
                    master = reader.GetInt32();
                    break;
                case IFLA_OPERSTATE:
                    state = (OperationalState)reader.GetByte();
                    break;
                case IFLA_CARRIER_UP_COUNT:
                    carrierUps = reader.GetUInt32();
                    break;
                case IFLA_IFALIAS:
                    alias = reader.GetString();
                    break;
                case IFLA_PROP_LIST:
                    altNames = ReadAltNames(ref reader);
                    break;
                case IFLA_LINKINFO:
                    (kind, macvlanMode) = ReadLinkInfo(ref reader);
                    break;
            }
        }

        return new Link
        {
            Index = header.ifi_index,
            Name = name,
            Kind = kind,
            Flags = (LinkFlags)header.ifi_flags,
            IsEthernet = header.ifi_type == ARPHRD_ETHER,
            OperationalState = state,
            CarrierUpCount = carrierUps,
            Mtu = mtu,
            MacAddress = mac,
            Group = group,
            ParentIndex = parent is 0 ? null : parent,
            ParentNetnsId = parentNetns,
            MasterIndex = master,
            Alias = alias,
            AltNames = altNames,
            MacvlanMode = macvlanMode,
        };
    }

    private static List<string> ReadAltNames(ref NetlinkReader reader)
    {
        var names = new List<string>(1);
        (int, int) outer = reader.Enter();
        while (reader.MoveNext())
        {
            if (reader.Type == IFLA_ALT_IFNAME)
            {
                names.Add(reader.GetString());
            }
        }

        reader.Leave(outer);
        return names;
    }

    private static (string? Kind, MacvlanMode? Mode) ReadLinkInfo(ref NetlinkReader reader)
    {
        string? kind = null;
        MacvlanMode? mode = null;
        (int, int) outer = reader.Enter();
        while (reader.MoveNext())
        {
            switch (reader.Type)
            {
                case IFLA_INFO_KIND:
                    kind = reader.GetString();
                    break;

                // The kernel writes the kind first; the data's attributes mean something else for every kind.
                case IFLA_INFO_DATA when kind == "macvlan":
                    mode = ReadMacvlanMode(ref reader);
                    break;
            }
        }

        reader.Leave(outer);
        return (kind, mode);
    }

    private static MacvlanMode? ReadMacvlanMode(ref NetlinkReader reader)
    {
        MacvlanMode? mode = null;
        (int, int) outer = reader.Enter();
        while (reader.MoveNext())
        {
            if (reader.Type == IFLA_MACVLAN_MODE)
            {
                mode = (MacvlanMode)reader.GetUInt32();
            }
        }

        reader.Leave(outer);
        return mode;
    }
}
