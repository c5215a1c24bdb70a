using System.Globalization;
using System.Net;

namespace EgressAgent.Testing.Tracing;

/// <summary>Reads the commands of which the engine's scripts consist, and takes exception to every other word.</summary>
internal sealed class RulesetScriptParser
{
    private readonly Dictionary<string, TracedChain> _chains = [];
    private readonly RuleParser _rules = new();

    internal TracedRuleset Parse(string script)
    {
        foreach (string command in script.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            ParseCommand(command, new TokenReader(command));
        }

        return new TracedRuleset(_chains, _rules.Counters);
    }

    private void ParseCommand(string command, TokenReader reader)
    {
        reader.Expect("add");
        string kind = reader.Next();
        reader.Expect("inet", "egress_agent");
        switch (kind)
        {
            case "table":
                reader.Expect("{");
                SkipComment(reader);
                break;
            case "counter":
                reader.Next();
                reader.Expect("{");
                SkipComment(reader);
                break;
            case "flowtable":
                reader.Next();
                reader.Expect("{", "hook", "ingress", "priority", "filter", ";", "counter", ";", "}");
                break;
            case "set":
                ParseSet(reader);
                break;
            case "map":
                ParseMap(reader);
                break;
            case "chain":
                ParseChain(reader);
                break;
            case "rule":
                string chain = reader.Next();
                _chains[chain].Rules.Add(_rules.Parse(chain, command, reader));
                break;
            case "element":
                ParseElements(reader);
                break;
            default:
                throw reader.Unknown(kind);
        }

        if (!reader.IsAtEnd)
        {
            throw reader.Unknown(reader.Peek!);
        }
    }

    private void ParseSet(TokenReader reader)
    {
        _rules.Sets.Add(reader.Next(), []);
        reader.Expect("{", "type");
        ExpectAddressType(reader);
        reader.Expect(";", "flags", "interval", ";", "auto-merge", ";");
        SkipComment(reader);
    }

    private void ParseMap(TokenReader reader)
    {
        _rules.Maps.Add(reader.Next(), []);
        reader.Expect("{", "type", "inet_proto", ".", "inet_service", ":");
        ExpectAddressType(reader);
        reader.Expect(".", "inet_service", ";", "counter", ";");
        SkipComment(reader);
    }

    // It ends an object's definition.
    private static void SkipComment(TokenReader reader)
    {
        reader.Expect("comment");
        reader.Next();
        reader.Expect(";", "}");
    }

    private static void ExpectAddressType(TokenReader reader)
    {
        if (!reader.TryTake("ipv4_addr"))
        {
            reader.Expect("ipv6_addr");
        }
    }

    private void ParseChain(TokenReader reader)
    {
        string name = reader.Next();
        if (reader.IsAtEnd)
        {
            _chains.Add(name, new TracedChain(name, null, 0, false, false));
            return;
        }

        reader.Expect("{", "type");
        bool isNat = reader.TryTake("nat");
        if (!isNat)
        {
            reader.Expect("filter");
        }

        reader.Expect("hook");
        string hook = reader.Next();
        reader.Expect("priority");
        int priority = Priority(reader);
        reader.Expect(";", "policy");
        bool isAccepted = reader.TryTake("accept");
        if (!isAccepted)
        {
            reader.Expect("drop");
        }

        reader.Expect(";", "}");
        _chains.Add(name, new TracedChain(name, hook, priority, isNat, isAccepted));
    }

    // nft(8), "Standard priority names".
    private static int Priority(TokenReader reader)
    {
        string name = reader.Next();
        int priority = name switch
        {
            "raw" => -300,
            "mangle" => -150,
            "dstnat" => -100,
            "filter" => 0,
            "srcnat" => 100,
            _ => throw reader.Unknown(name),
        };
        return reader.TryTake("+") ? priority + int.Parse(reader.Next(), CultureInfo.InvariantCulture) : priority;
    }

    private void ParseElements(TokenReader reader)
    {
        string name = reader.Next();
        reader.Expect("{");
        do
        {
            if (_rules.Sets.TryGetValue(name, out List<IPNetwork>? set))
            {
                set.Add(IPNetwork.Parse(reader.Next()));
                continue;
            }

            string protocol = reader.Next();
            reader.Expect(".");
            int port = int.Parse(reader.Next(), CultureInfo.InvariantCulture);
            reader.Expect("comment");
            reader.Next();
            reader.Expect(":");
            var address = IPAddress.Parse(reader.Next());
            reader.Expect(".");
            _rules.Maps[name].Add((protocol, port), new IPEndPoint(address, int.Parse(reader.Next(), CultureInfo.InvariantCulture)));
        }
        while (reader.TryTake(","));
        reader.Expect("}");
    }
}
