using System.Net;
using EgressAgent.Linux.Netlink.Conntrack;
using EgressAgent.Model;

namespace EgressAgent.Engine.Flows;

/// <summary>Updates of one router's flows, as its holder sends them.</summary>
/// <param name="Router">The router.</param>
/// <param name="Token">The fencing token by which the sender holds it.</param>
/// <param name="IsWhole">Whether all that was sent before of the router is to be forgotten first.</param>
/// <param name="Updates">In order.</param>
internal sealed record FlowBatch(RouterKey Router, long Token, bool IsWhole, IReadOnlyList<FlowUpdate> Updates)
{
    /// <summary>Of updates.</summary>
    internal const int MaxCount = 256;

    private const byte Version = 1;

    /// <summary>As many batches as it takes, the first of which is whole.</summary>
    internal static IEnumerable<FlowBatch> Whole(RouterKey router, long token, IReadOnlyCollection<FlowUpdate> updates)
    {
        FlowUpdate[][] chunks = [.. updates.Chunk(MaxCount)];
        yield return new FlowBatch(router, token, IsWhole: true, chunks.FirstOrDefault() ?? []);
        foreach (FlowUpdate[] chunk in chunks.Skip(1))
        {
            yield return new FlowBatch(router, token, IsWhole: false, chunk);
        }
    }

    internal byte[] Write()
    {
        using MemoryStream stream = new();
        using BinaryWriter writer = new(stream);
        writer.Write(Version);
        writer.Write(Router.Namespace);
        writer.Write(Router.Name);
        writer.Write(Token);
        writer.Write(IsWhole);
        writer.Write((ushort)Updates.Count);
        foreach ((ConntrackEntry flow, bool isOver) in Updates)
        {
            writer.Write(isOver);
            writer.Write(flow.Id);
            writer.Write(flow.Original.Protocol);
            WriteEnds(writer, flow.Original);
            WriteEnds(writer, flow.Reply);
            writer.Write((uint)flow.Status);
            writer.Write(flow.Mark);
            writer.Write((uint)(flow.Timeout?.TotalSeconds ?? 0));
            writer.Write(flow.Connection is not null);
            if (flow.Connection is { } connection)
            {
                writer.Write(connection.State);
                writer.Write(connection.OriginalTag);
                writer.Write(connection.ReplyTag);
            }
        }

        writer.Flush();
        return stream.ToArray();
    }

    /// <exception cref="InvalidDataException">It is none, or of a version that this one does not know.</exception>
    internal static FlowBatch Read(byte[] content)
    {
        try
        {
            using BinaryReader reader = new(new MemoryStream(content));
            if (reader.ReadByte() is not Version and var version)
            {
                throw new InvalidDataException($"flows of version {version}");
            }

            RouterKey router = new(reader.ReadString(), reader.ReadString());
            long token = reader.ReadInt64();
            bool isWhole = reader.ReadBoolean();
            FlowUpdate[] updates = new FlowUpdate[reader.ReadUInt16()];
            for (int i = 0; i < updates.Length; i++)
            {
                updates[i] = ReadUpdate(reader);
            }

            return new FlowBatch(router, token, isWhole, updates);
        }
        catch (Exception exception) when (exception is EndOfStreamException or ArgumentException or FormatException)
        {
            throw new InvalidDataException($"flows that cannot be read: {exception.Message}", exception);
        }
    }

    private static FlowUpdate ReadUpdate(BinaryReader reader)
    {
        bool isOver = reader.ReadBoolean();
        uint id = reader.ReadUInt32();
        byte protocol = reader.ReadByte();
        ConntrackEntry flow = new(ReadEnds(reader, protocol), ReadEnds(reader, protocol))
        {
            Id = id,
            Status = (ConntrackStatus)reader.ReadUInt32(),
            Mark = reader.ReadUInt32(),
            Timeout = TimeSpan.FromSeconds(reader.ReadUInt32()),
        };
        return new FlowUpdate(
            reader.ReadBoolean() ? flow with { Connection = new ConntrackConnection(reader.ReadByte(), reader.ReadUInt32(), reader.ReadUInt32()) } : flow, isOver);
    }

    private static void WriteEnds(BinaryWriter writer, ConntrackTuple ends)
    {
        WriteAddress(writer, ends.Source);
        WriteAddress(writer, ends.Destination);
        writer.Write(ends.SourcePort ?? 0);
        writer.Write(ends.DestinationPort ?? 0);
    }

    private static ConntrackTuple ReadEnds(BinaryReader reader, byte protocol) => new(protocol, ReadAddress(reader), ReadAddress(reader))
    {
        SourcePort = reader.ReadUInt16(),
        DestinationPort = reader.ReadUInt16(),
    };

    private static void WriteAddress(BinaryWriter writer, IPAddress address)
    {
        byte[] bytes = address.GetAddressBytes();
        writer.Write((byte)bytes.Length);
        writer.Write(bytes);
    }

    private static IPAddress ReadAddress(BinaryReader reader) => new(reader.ReadBytes(reader.ReadByte()));
}
