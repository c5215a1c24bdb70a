using System.Globalization;
using System.Net;

namespace EgressAgent.Testing.Tracing;

/// <summary>Reads rules: nft(8), "Statements" and "Expressions", as far as the engine uses them.</summary>
internal sealed class RuleParser
{
    private static readonly Verdict Continue = new(VerdictKind.Continue);
    private static readonly Verdict Break = new(VerdictKind.Break);

    internal Dictionary<string, List<IPNetwork>> Sets { get; } = [];

    internal Dictionary<string, Dictionary<(string Protocol, int Port), IPEndPoint>> Maps { get; } = [];

    /// <summary>How many packets the named counters have counted.</summary>
    internal Dictionary<string, int> Counters { get; } = [];

    internal TracedRule Parse(string chain, string command, TokenReader reader)
    {
        List<TracedStatement> statements = [];
        while (!reader.IsAtEnd)
        {
            int start = reader.Position;
            (bool isMatch, Func<Passage, Verdict> run) = ParseStatement(reader);
            statements.Add(new TracedStatement(reader.TextFrom(start), isMatch, run));
        }

        return new TracedRule(chain, statements, command);
    }

    private (bool IsMatch, Func<Passage, Verdict> Run) ParseStatement(TokenReader reader)
    {
        string word = reader.Next();
        switch (word)
        {
            case "accept":
                return Action(new Verdict(VerdictKind.Accept));
            case "drop":
                return Action(new Verdict(VerdictKind.Drop));
            case "notrack":
                return (false, DoNotTrack);
            case "return":
                return Action(new Verdict(VerdictKind.Return));
            case "jump":
                return Action(new Verdict(VerdictKind.Jump, reader.Next()));
            case "goto":
                return Action(new Verdict(VerdictKind.Goto, reader.Next()));
            case "reject":
                return (false, ParseReject(reader));
            case "dnat" or "snat":
                return (false, ParseNat(reader, isSource: word == "snat"));
            case "comment":
                reader.Next();
                return Action(Continue);
            case "counter":
                reader.Expect("name");
                return (false, ParseCounter(reader.Next().Trim('"')));
            case "flow":
                reader.Expect("add", "@offloaded");
                return (false, Offload);
            case "tcp":
                return (true, ParseFlags(reader));
            case "meta" when reader.Peek == "mark":
                reader.Next();
                return reader.TryTake("set") ? (false, ParseMark(reader))
                    : reader.TryTake("and") ? (true, ParseMarkBits(reader))
                    : (true, ParseMatch("meta mark", reader));
            case "meta" when reader.Peek == "skuid":
                // Whose, does not matter: that of the kernel belongs to nobody.
                reader.Expect("skuid", ">=", "0");
                return (true, passage => passage.Packet.Maker == PacketMaker.Kernel ? Break : Continue);
            case "ct" when reader.Peek == "mark":
                // No rule that is known here sets it.
                reader.Expect("mark", "and");
                reader.Next();
                reader.Expect("==", "0");
                return (true, passage => passage.Flow is null ? Break : Continue);
            case "ct" when reader.Peek == "status":
                reader.Next();
                return (true, ParseStatus(reader));
            case "ct" when reader.Peek == "reply":
                reader.Next();
                string address = $"{reader.Next()} {reader.Next()}";
                return (true, ParseMatch($"ct reply {address}", reader));
            case "iifname" or "oifname" or "iifgroup" or "oifgroup":
                return (true, ParseMatch(word, reader));
            case "fib":
                reader.Expect("saddr", "type");
                return (true, ParseMatch("fib saddr type", reader));
            default:
                return (true, ParseMatch($"{word} {reader.Next()}", reader));
        }
    }

    private Func<Passage, Verdict> ParseCounter(string name) => _ =>
    {
        Counters[name] = Counters.GetValueOrDefault(name) + 1;
        return Continue;
    };

    private static Func<Passage, Verdict> ParseStatus(TokenReader reader) => reader.Next() switch
    {
        "dnat" => passage => passage.Flow?.HasDestinationNat == true ? Continue : Break,
        "snat" => passage => passage.Flow?.HasSourceNat == true ? Continue : Break,
        var other => throw reader.Unknown(other),
    };

    // The kernel would leave out what is not TCP or UDP, and what has no answer yet. A rule is not to rely on that.
    private static Verdict Offload(Passage passage)
    {
        passage.Flow?.Offload(passage);
        return Continue;
    }

    private static Verdict DoNotTrack(Passage passage)
    {
        (passage.IsTracked, passage.State) = (true, "untracked");
        return Continue;
    }

    private static (bool IsMatch, Func<Passage, Verdict> Run) Action(Verdict verdict) => (false, _ => verdict);

    private Func<Passage, Verdict> ParseMatch(string name, TokenReader reader)
    {
        Selector selector = Selector.Find(name) ?? throw reader.Unknown(name);
        bool isNegated = reader.TryTake("!=");
        Func<string, bool> isAmong;
        if (reader.Peek is ['@', ..])
        {
            List<IPNetwork> set = Sets[reader.Next()[1..]];
            isAmong = address => set.Any(network => network.Contains(IPAddress.Parse(address)));
        }
        else
        {
            HashSet<string> values = ParseValues(selector, reader);
            isAmong = values.Contains;
        }

        // A packet that has no such field makes the rule not apply, whatever is asked of the field.
        return passage => selector.Read(passage) is { } value && isAmong(value) != isNegated ? Continue : Break;
    }

    private static HashSet<string> ParseValues(Selector selector, TokenReader reader)
    {
        HashSet<string> values = [];
        bool isSet = reader.TryTake("{");
        do
        {
            string word = reader.Next();
            values.Add(selector.Normalize(word.Trim('"')) ?? throw reader.Unknown(word));
        }
        while (isSet && reader.TryTake(","));
        if (isSet)
        {
            reader.Expect("}");
        }

        return values;
    }

    private static Func<Passage, Verdict> ParseFlags(TokenReader reader)
    {
        reader.Expect("flags", "&", "(");
        HashSet<string> mask = [];
        do
        {
            mask.Add(reader.Next());
        }
        while (reader.TryTake("|"));
        reader.Expect(")", "!=");
        string flag = reader.Next();
        return passage => passage.Packet.Protocol != "tcp" || mask.Intersect(passage.Packet.Kind.Split(',')).SequenceEqual([flag])
            ? Break
            : Continue;
    }

    private static Func<Passage, Verdict> ParseMark(TokenReader reader)
    {
        bool keeps = reader.TryTake("meta");
        if (keeps)
        {
            reader.Expect("mark", "or");
        }

        uint mark = ParseNumber(reader);
        return passage =>
        {
            passage.Mark = keeps ? passage.Mark | mark : mark;
            return Continue;
        };
    }

    private static Func<Passage, Verdict> ParseMarkBits(TokenReader reader)
    {
        uint mask = ParseNumber(reader);
        reader.Expect("==");
        uint mark = ParseNumber(reader);
        return passage => (passage.Mark & mask) == mark ? Continue : Break;
    }

    private static uint ParseNumber(TokenReader reader) =>
        uint.Parse(reader.Next().AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    private static Func<Passage, Verdict> ParseReject(TokenReader reader)
    {
        reader.Expect("with");
        if (reader.TryTake("tcp"))
        {
            // nft_reject_inet answers with a reset to TCP alone.
            reader.Expect("reset");
            return _ => new Verdict(VerdictKind.Reject, "tcp-reset");
        }

        reader.Expect("icmpx", "port-unreachable");
        return _ => new Verdict(VerdictKind.Reject, "port-unreachable");
    }

    // NAT is for flows: a packet that has none passes by, and one of the other family too (nft_nat_inet_eval).
    private Func<Passage, Verdict> ParseNat(TokenReader reader, bool isSource)
    {
        bool isIPv4 = reader.TryTake("ip");
        if (!isIPv4)
        {
            reader.Expect("ip6");
        }

        reader.Expect("to");
        Func<Passage, IPEndPoint?> target;
        if (reader.TryTake("meta"))
        {
            reader.Expect("l4proto", ".", "th", "dport", "map");
            Dictionary<(string, int), IPEndPoint> map = Maps[reader.Next()[1..]];
            target = passage => map.GetValueOrDefault((passage.Packet.Protocol, passage.Destination.Port));
        }
        else
        {
            string word = reader.Next();
            IPAddress address = IPAddress.TryParse(word, out IPAddress? parsed) ? parsed : throw reader.Unknown(word);
            target = passage => new IPEndPoint(address, (isSource ? passage.Source : passage.Destination).Port);
        }

        return passage =>
        {
            if (target(passage) is not { } endPoint)
            {
                return Break;
            }

            if (passage.IsIPv4 != isIPv4 || passage.Flow is not { } flow)
            {
                return Continue;
            }

            flow.Reply = isSource ? flow.Reply with { Destination = endPoint } : flow.Reply with { Source = endPoint };
            return new Verdict(VerdictKind.Accept);
        };
    }
}
