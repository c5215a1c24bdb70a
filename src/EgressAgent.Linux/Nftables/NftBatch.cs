using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using EgressAgent.Linux.Interop;
using EgressAgent.Linux.Interop.Uapi;
using EgressAgent.Linux.Netlink.Codec;
using static EgressAgent.Linux.Interop.Uapi.NetlinkH;
using static EgressAgent.Linux.Interop.Uapi.NfnetlinkH;
using static EgressAgent.Linux.Interop.Uapi.NfTablesH;

namespace EgressAgent.Linux.Nftables;

/// <summary>Changes of elements that are made together, in the order in which they are written here.</summary>
/// <param name="table">The table, of family inet, in which all of them are.</param>
public sealed class NftBatch(string table)
{
    // An attribute that holds attributes has 64 KiB at most.
    private const int ElementsPerMessage = 128;
    private const int ElementSize = 448;
    private const int HeaderSize = 1024;

    private readonly ArrayBufferWriter<byte> _changes = new();
    private int _lastChange;

    public bool IsEmpty => _changes.WrittenCount == 0;

    /// <summary>Adds elements that are not there.</summary>
    public void Add(string set, IEnumerable<NftElement> elements) => Write(NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL, set, elements);

    /// <summary>Deletes elements that are there. The kernel compares their keys alone.</summary>
    public void Delete(string set, IEnumerable<NftElement> elements) => Write(NFT_MSG_DELSETELEM, 0, set, elements);

    /// <summary>The whole datagram. The connection stamps the sequence numbers.</summary>
    internal Span<byte> Finish(uint generation)
    {
        var begin = new NetlinkWriter(stackalloc byte[NetlinkWriter.BufferSize], NFNL_MSG_BATCH_BEGIN, 0);
        begin.Write(Subsystem);
        begin.WriteUInt32BigEndian(NFNL_BATCH_GENID, generation);
        var end = new NetlinkWriter(stackalloc byte[NetlinkWriter.BufferSize], NFNL_MSG_BATCH_END, 0);
        end.Write(Subsystem);

        // One acknowledgement says that all is done: the kernel sends it after those of the changes that it refused.
        byte[] changes = _changes.WrittenSpan.ToArray();
        MemoryMarshal.AsRef<NlMsgHdr>(changes.AsSpan(_lastChange)).nlmsg_flags |= NLM_F_ACK;
        return (byte[])[.. begin.Finish(), .. changes, .. end.Finish()];
    }

    private static NfGenMsg Subsystem => new()
    {
        nfgen_family = LibC.AF_UNSPEC,
        res_id = BinaryPrimitives.ReverseEndianness((ushort)(NFNL_SUBSYS_NFTABLES >> 8)),
    };

    private void Write(ushort type, ushort flags, string set, IEnumerable<NftElement> elements)
    {
        foreach (NftElement[] chunk in elements.Chunk(ElementsPerMessage))
        {
            var message = new NetlinkWriter(new byte[HeaderSize + (chunk.Length * ElementSize)], (ushort)(NFNL_SUBSYS_NFTABLES | type), flags);
            message.Write(new NfGenMsg { nfgen_family = NFPROTO_INET });
            message.WriteString(NFTA_SET_ELEM_LIST_TABLE, table);
            message.WriteString(NFTA_SET_ELEM_LIST_SET, set);
            int list = message.BeginNested(NFTA_SET_ELEM_LIST_ELEMENTS);
            foreach (NftElement element in chunk)
            {
                Write(ref message, element);
            }

            message.EndNested(list);
            _lastChange = _changes.WrittenCount;
            _changes.Write(message.Finish());
        }
    }

    private static void Write(ref NetlinkWriter message, NftElement element)
    {
        int nest = message.BeginNested(NFTA_LIST_ELEM);
        WriteData(ref message, NFTA_SET_ELEM_KEY, element.Key);
        if (element.Value is not null)
        {
            WriteData(ref message, NFTA_SET_ELEM_DATA, element.Value);
        }

        if (element.Comment is not null)
        {
            int length = Encoding.UTF8.GetByteCount(element.Comment) + 1;
            Span<byte> comment = stackalloc byte[NFT_USERDATA_MAXLEN];
            comment.Clear();
            comment[0] = NFTNL_UDATA_SET_ELEM_COMMENT;
            comment[1] = (byte)length;
            Encoding.UTF8.GetBytes(element.Comment, comment[2..]);
            message.WriteBytes(NFTA_SET_ELEM_USERDATA, comment[..(2 + length)]);
        }

        message.EndNested(nest);
    }

    private static void WriteData(ref NetlinkWriter message, ushort type, byte[] value)
    {
        int nest = message.BeginNested(type);
        message.WriteBytes(NFTA_DATA_VALUE, value);
        message.EndNested(nest);
    }
}

/// <summary>An element of a set, or a pair of a map.</summary>
/// <param name="Key">As the kernel holds it: of a concatenation, each part padded to four bytes.</param>
/// <param name="Value">What the key leads to, in the same form; null in a set, and where the key alone matters.</param>
/// <param name="Comment">Up to 253 bytes; null for none.</param>
public readonly record struct NftElement(byte[] Key, byte[]? Value = null, string? Comment = null);
