using System.Net;
using EgressAgent.Model;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;

namespace EgressAgent.Engine.Traffic;

/// <summary>
/// The ends of flows that are counted and not saved yet. The kernel tells each once; what was written here outlives an agent that is
/// killed, though not the node. Two files take turns, so that one can be emptied while the other is written. Thread-safe.
/// </summary>
internal sealed class EndsJournal : IDisposable
{
    // While nothing can be saved.
    private const long MaxBytes = 16 * 1024 * 1024;

    private readonly Lock _lock = new();
    private readonly FileStream[] _files;
    private int _current;

    private EndsJournal(FileStream[] files) => _files = files;

    /// <param name="directory">Where; nobody else has it.</param>
    /// <returns>Null where there can be none.</returns>
    internal static EndsJournal? TryOpen(string directory)
    {
        List<FileStream> files = [];
        try
        {
            foreach (string name in (string[])["ends-0", "ends-1"])
            {
                files.Add(new FileStream(Path.Combine(directory, name), new FileStreamOptions
                {
                    Mode = FileMode.OpenOrCreate,
                    Access = FileAccess.ReadWrite,
                    UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
                    BufferSize = 0,
                }));
            }

            return new EndsJournal([.. files]);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            files.ForEach(file => file.Dispose());
            return null;
        }
    }

    /// <summary>What an earlier agent left, in order, as far as it can be read. From here on it is written behind that.</summary>
    internal IReadOnlyList<JournaledEnd> Read()
    {
        lock (_lock)
        {
            return [.. _files.SelectMany(ReadAll).OrderBy(end => end.Number)];
        }
    }

    internal void Add(JournaledEnd end)
    {
        byte[] entry = Write(end);
        lock (_lock)
        {
            FileStream file = _files[_current];
            try
            {
                // In one call, lest half of one be left.
                if (file.Position < MaxBytes)
                {
                    file.Write(entry);
                }
            }
            catch (IOException)
            {
                // A full disk: it is told by who saves there.
            }
        }
    }

    /// <summary>What is added from here on stays over the next <see cref="DropFormer"/>.</summary>
    internal void TakeTurns()
    {
        lock (_lock)
        {
            _current ^= 1;
        }
    }

    internal void DropFormer()
    {
        lock (_lock)
        {
            FileStream file = _files[_current ^ 1];
            if (file.Length > 0)
            {
                file.SetLength(0);
                file.Position = 0;
            }
        }
    }

    public void Dispose() => Array.ForEach(_files, file => file.Dispose());

    private static List<JournaledEnd> ReadAll(FileStream file)
    {
        List<JournaledEnd> ends = [];
        long whole = 0;
        try
        {
            byte[] bytes = new byte[file.Length];
            file.Position = 0;
            file.ReadExactly(bytes);
            var reader = new BinaryReader(new MemoryStream(bytes));
            while (whole < bytes.Length)
            {
                ends.Add(ReadEntry(reader));
                whole = reader.BaseStream.Position;
            }
        }
        catch (Exception exception) when (exception is IOException or ArgumentException or FormatException or OverflowException)
        {
            // The agent was killed there, or the node went down.
        }

        file.SetLength(whole);
        file.Position = whole;
        return ends;
    }

    private static byte[] Write(JournaledEnd end)
    {
        var stream = new MemoryStream();
        var writer = new BinaryWriter(stream);
        writer.Write(end.Number);
        writer.Write(end.Key.Namespace);
        writer.Write(end.Key.Name);
        writer.Write(end.Flow is not null);
        if (end.Flow is { } flow)
        {
            writer.Write(end.RulePort ?? 0);
            writer.Write(flow.Protocol);
            foreach (IPEndPoint endPoint in (ReadOnlySpan<IPEndPoint>)[flow.Client, flow.Inside, flow.Destination])
            {
                writer.Write(endPoint.Address);
                writer.Write((ushort)endPoint.Port);
            }

            writer.Write(flow.Id);
            writer.Write(flow.Start?.UtcTicks ?? 0);
            writer.Write(flow.BytesOut);
            writer.Write(flow.BytesIn);
            writer.Write(flow.PacketsOut);
            writer.Write(flow.PacketsIn);
        }

        writer.Flush();
        return stream.ToArray();
    }

    private static JournaledEnd ReadEntry(BinaryReader reader)
    {
        long number = reader.ReadInt64();
        RouterKey key = new(reader.ReadString(), reader.ReadString());
        if (!reader.ReadBoolean())
        {
            return new JournaledEnd(number, key, null, null);
        }

        ushort port = reader.ReadUInt16();
        string protocol = reader.ReadString();
        IPEndPoint client = ReadEndPoint(reader);
        IPEndPoint inside = ReadEndPoint(reader);
        IPEndPoint destination = ReadEndPoint(reader);
        uint id = reader.ReadUInt32();
        long start = reader.ReadInt64();
        return new JournaledEnd(number, key, port == 0 ? null : port, new RouterFlow(protocol, client, inside, client, destination, reader.ReadUInt64(), reader.ReadUInt64())
        {
            Id = id,
            Start = start == 0 ? null : new DateTimeOffset(start, TimeSpan.Zero),
            PacketsOut = reader.ReadUInt64(),
            PacketsIn = reader.ReadUInt64(),
        });
    }

    private static IPEndPoint ReadEndPoint(BinaryReader reader) => new(reader.ReadAddress(), reader.ReadUInt16());
}

/// <summary>An end that was counted, or that of a router.</summary>
/// <param name="Number">Ascending, also over agents.</param>
/// <param name="Key">The router.</param>
/// <param name="RulePort">That of the rule that it counts for; null when it counts for the router alone.</param>
/// <param name="Flow">Without its source; null when the router went, with all that it had counted.</param>
internal sealed record JournaledEnd(long Number, RouterKey Key, ushort? RulePort, RouterFlow? Flow)
{
    /// <summary>The rule that it counts for.</summary>
    internal RedirectRuleSpec? Rule => RulePort is { } port && Flow is { } flow && Enum.TryParse(flow.Protocol, out TransportProtocol protocol)
        ? new RedirectRuleSpec(protocol, port, flow.Destination.Address, (ushort)flow.Destination.Port)
        : null;
}
