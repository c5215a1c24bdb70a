using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;

namespace EgressAgent.Engine.Traffic;

// What the next agent goes on with: all that is counted, and how far each living flow is. It is written each few seconds, and there
// may be ten thousand rules and flows: so it is short rather than legible.
internal sealed partial class RouterTally
{
    private const byte RecordVersion = 1;

    /// <summary>What <see cref="Restore"/> reads. It is the same as long as nothing was counted.</summary>
    internal byte[] ToRecord()
    {
        var stream = new MemoryStream();
        WriteRecord(stream);
        return stream.ToArray();
    }

    /// <summary>Writes <see cref="ToRecord"/> behind what is there.</summary>
    internal void WriteRecord(Stream stream)
    {
        List<string> texts = [];
        Dictionary<string, int> textNumbers = [];
        List<RedirectRuleSpec> rules = [];
        Dictionary<RedirectRuleSpec, int> ruleNumbers = [];
        (RedirectRuleSpec Rule, TrafficVolume Volume)[] ended = [.. _rules.Where(rule => rule.Value != default).Select(rule => (rule.Key, rule.Value))];
        foreach (RedirectRuleSpec? rule in ended.Select(rule => rule.Rule).Concat(_counters.Keys.Select(key => key.Rule)).Concat(_flows.Values.Select(flow => flow.Rule)))
        {
            if (rule is not null && ruleNumbers.TryAdd(rule, rules.Count + 1))
            {
                rules.Add(rule);
            }
        }

        foreach (string text in _counters.Keys.Select(key => key.Where).Concat(_counters.Values.Select(count => count.Since)))
        {
            if (textNumbers.TryAdd(text, texts.Count))
            {
                texts.Add(text);
            }
        }

        var writer = new BinaryWriter(stream);
        writer.Write(RecordVersion);
        Write(writer, texts, writer.Write);
        Write(writer, rules, rule => Write(writer, rule));
        writer.Write7BitEncodedInt64(LastEnd);
        writer.Write(_lastEnded);
        Write(writer, _ended);
        Write(writer, ended, rule =>
        {
            writer.Write7BitEncodedInt(ruleNumbers[rule.Rule]);
            Write(writer, rule.Volume);
        });
        Write(writer, _counters, counter =>
        {
            writer.Write((byte)counter.Key.Kind);
            writer.Write7BitEncodedInt(counter.Key.Rule is { } rule ? ruleNumbers[rule] : 0);
            writer.Write7BitEncodedInt(textNumbers[counter.Key.Where]);
            writer.Write7BitEncodedInt(textNumbers[counter.Value.Since]);
            Write(writer, counter.Value.Before);
            Write(writer, counter.Value.Last);
        });
        Write(writer, _flows, flow =>
        {
            writer.Write(flow.Key);
            writer.Write7BitEncodedInt(flow.Value.Rule is { } rule ? ruleNumbers[rule] : 0);
            Write(writer, flow.Value.Volume);
        });
        writer.Flush();
    }

    /// <summary>Goes on from what an earlier agent wrote. Nothing has been counted yet.</summary>
    /// <exception cref="FormatException">It is no such record.</exception>
    internal static RouterTally Restore(byte[] record)
    {
        try
        {
            var tally = new RouterTally();
            tally.Read(new BinaryReader(new MemoryStream(record)));
            return tally;
        }
        catch (Exception exception) when (exception is IOException or ArgumentException or OverflowException or IndexOutOfRangeException)
        {
            throw new FormatException(exception.Message, exception);
        }
    }

    private void Read(BinaryReader reader)
    {
        if (reader.ReadByte() is var version && version != RecordVersion)
        {
            throw new FormatException($"version {version}");
        }

        string[] texts = Read(reader, reader.ReadString);
        RedirectRuleSpec[] rules = Read(reader, () => ReadRule(reader));
        LastEnd = reader.Read7BitEncodedInt64();
        _lastEnded = reader.ReadUInt64();
        _ended = ReadVolume(reader);
        foreach ((RedirectRuleSpec? rule, TrafficVolume volume) in Read(reader, () => (RuleOf(), ReadVolume(reader))))
        {
            _rules[rule!] = volume;
        }

        foreach ((CounterKey key, RestartingCount count) in Read(reader, () => (new CounterKey((CounterKind)reader.ReadByte(), RuleOf(), TextOf()), ReadCount())))
        {
            _counters.Add(key, count);
        }

        foreach ((ulong key, SeenFlow flow) in Read(reader, () => (reader.ReadUInt64(), new SeenFlow(RuleOf(), ReadVolume(reader), 0))))
        {
            _flows.Add(key, flow);
        }

        foreach (RedirectRuleSpec rule in rules)
        {
            Add(rule);
        }

        RedirectRuleSpec? RuleOf() => reader.Read7BitEncodedInt() is > 0 and var number ? rules[number - 1] : null;

        string TextOf() => texts[reader.Read7BitEncodedInt()];

        RestartingCount ReadCount()
        {
            string since = TextOf();
            ulong before = ReadNumber(reader);
            return new RestartingCount(before, ReadNumber(reader), since);
        }
    }

    private static void Write(BinaryWriter writer, RedirectRuleSpec rule)
    {
        writer.Write(rule.Protocol.Number());
        writer.Write(rule.Port);
        writer.Write(rule.Destination);
        writer.Write(rule.TargetPort);
    }

    private static RedirectRuleSpec ReadRule(BinaryReader reader)
    {
        TransportProtocol protocol = TransportProtocols.OfNumber(reader.ReadByte()) ?? throw new FormatException("unknown protocol");
        return new RedirectRuleSpec(protocol, reader.ReadUInt16(), reader.ReadAddress(), reader.ReadUInt16());
    }

    private static void Write(BinaryWriter writer, TrafficVolume volume)
    {
        Write(writer, volume.BytesToDestination);
        Write(writer, volume.BytesToClient);
        Write(writer, volume.PacketsToDestination);
        Write(writer, volume.PacketsToClient);
    }

    private static TrafficVolume ReadVolume(BinaryReader reader)
    {
        ulong bytesToDestination = ReadNumber(reader);
        ulong bytesToClient = ReadNumber(reader);
        ulong packetsToDestination = ReadNumber(reader);
        return new TrafficVolume(bytesToDestination, bytesToClient, packetsToDestination, ReadNumber(reader));
    }

    private static void Write(BinaryWriter writer, ulong number) => writer.Write7BitEncodedInt64((long)number);

    private static ulong ReadNumber(BinaryReader reader) => (ulong)reader.Read7BitEncodedInt64();

    private static void Write<T>(BinaryWriter writer, IReadOnlyCollection<T> items, Action<T> write)
    {
        writer.Write7BitEncodedInt(items.Count);
        foreach (T item in items)
        {
            write(item);
        }
    }

    private static T[] Read<T>(BinaryReader reader, Func<T> read)
    {
        int count = reader.Read7BitEncodedInt();
        List<T> items = [];
        for (int i = 0; i < count; i++)
        {
            items.Add(read());
        }

        return [.. items];
    }
}
