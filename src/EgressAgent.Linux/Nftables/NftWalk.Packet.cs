using EgressAgent.Linux.Netlink.Codec;
using static EgressAgent.Linux.Interop.Uapi.NfTablesH;

namespace EgressAgent.Linux.Nftables;

public sealed partial class NftWalk
{
    private sealed class PacketWalk(NftWalk walk, NftPacket packet, bool isStateKnown)
    {
        private readonly NftRegisters _registers = new(packet, isStateKnown);
        private int _rules;

        internal bool MayUntrack { get; private set; }

        internal bool MayMark { get; private set; }

        // Of a chain at a hook.
        internal NftOutcome Pass(NftChain chain)
        {
            NftOutcome outcome = Walk(chain);
            return (outcome & NftOutcome.Returns) == 0
                ? outcome
                : (outcome & ~NftOutcome.Returns) | (chain.DropsByPolicy ? NftOutcome.Drops : NftOutcome.Passes);
        }

        private NftOutcome Walk(NftChain chain)
        {
            NftOutcome all = NftOutcome.None;
            foreach (byte[] rule in walk.RulesOf(chain))
            {
                NftOutcome outcome = ++_rules > MostRules ? NftOutcome.Anything : Evaluate(chain, rule);
                all |= outcome & ~NftOutcome.GoesOn;
                if ((outcome & NftOutcome.GoesOn) == 0)
                {
                    return all;
                }
            }

            return all | NftOutcome.Returns;
        }

        private NftOutcome Evaluate(NftChain chain, byte[] rule)
        {
            NftOutcome may = NftOutcome.None;
            _registers.Forget();
            var reader = new NetlinkReader(rule);
            while (reader.MoveNext())
            {
                (int Position, int End) list = reader.Enter();
                string name = "";
                ReadOnlySpan<byte> data = [];
                while (reader.MoveNext())
                {
                    if (reader.Type == NFTA_EXPR_NAME)
                    {
                        name = reader.GetString();
                    }
                    else if (reader.Type == NFTA_EXPR_DATA)
                    {
                        data = reader.Value;
                    }
                }

                reader.Leave(list);
                (bool? isMatch, NftOutcome? end) = Evaluate(chain, name, new NftExpression(data));
                if (end is { } outcome)
                {
                    return may | outcome;
                }

                if (isMatch == false)
                {
                    return may | NftOutcome.GoesOn;
                }

                may |= isMatch is null ? NftOutcome.GoesOn : NftOutcome.None;
            }

            return may | (reader.Fault is null ? NftOutcome.GoesOn : NftOutcome.Anything);
        }

        // Whether the next expression is looked at, or what ends the rule.
        private (bool? IsMatch, NftOutcome? End) Evaluate(NftChain chain, string name, NftExpression expression)
        {
            switch (name)
            {
                case "counter" or "log" or "last" or "objref" or "flow_offload" or "tproxy":
                    return (true, null);
                case "meta":
                    if (expression.Number(NFTA_META_DREG) is { } meta)
                    {
                        _registers.LoadMeta(meta, expression.Number(NFTA_META_KEY) ?? uint.MaxValue);
                    }
                    else
                    {
                        MayMark |= expression.Number(NFTA_META_KEY) == NFT_META_MARK;
                    }

                    return (true, null);
                case "ct":
                    if (expression.Number(NFTA_CT_DREG) is { } conntrack)
                    {
                        _registers.LoadConntrack(conntrack, expression.Number(NFTA_CT_KEY) ?? uint.MaxValue);
                    }

                    return (true, null);
                case "payload":
                    if (expression.Number(NFTA_PAYLOAD_DREG) is { } payload)
                    {
                        _registers.LoadPayload(
                            payload, expression.Number(NFTA_PAYLOAD_BASE) ?? uint.MaxValue, (int)(expression.Number(NFTA_PAYLOAD_OFFSET) ?? 0), (int)(expression.Number(NFTA_PAYLOAD_LEN) ?? 0));
                    }

                    return (true, null);
                case "fib":
                    if (expression.Number(NFTA_FIB_DREG) is { } fib)
                    {
                        _registers.LoadFib(fib, expression.Number(NFTA_FIB_RESULT) ?? 0, expression.Number(NFTA_FIB_FLAGS) ?? 0);
                    }

                    return (true, null);
                case "bitwise":
                    Mask(expression);
                    return (true, null);
                case "cmp":
                    return (Compare(expression), null);
                case "range":
                    return (IsInRange(expression), null);
                case "lookup":
                    return LookUp(chain, expression);
                case "immediate":
                    if (expression.Number(NFTA_IMMEDIATE_DREG) == NFT_REG_VERDICT)
                    {
                        return (true, Follow(chain, expression.Nested(NFTA_IMMEDIATE_DATA)));
                    }

                    ReadOnlySpan<byte> value = expression.Nested(NFTA_IMMEDIATE_DATA).Bytes(NFTA_DATA_VALUE);
                    Span<byte> known = stackalloc byte[Math.Min(value.Length, 16)];
                    known.Fill(byte.MaxValue);
                    _registers.Set(expression.Number(NFTA_IMMEDIATE_DREG) ?? 1, value[..known.Length], known);
                    return (true, null);
                case "notrack":
                    MayUntrack = true;
                    return (true, null);
                case "reject":
                    return (true, NftOutcome.Drops);
                case "masq":
                    return (true, NftOutcome.Masquerades);
                case "nat" or "redir":
                    return (true, NftOutcome.Alters);
                case "match":
                    return (MatchXtables(expression), null);
                case "target":
                    return Target(expression.Text(NFTA_XT_NAME));
                case "limit" or "connlimit" or "quota":
                    return (null, null);
                default:
                    // What it loads is not known, nor whether it ends the rule.
                    _registers.Forget();
                    return name is "queue" or "fwd" or "synproxy" ? (true, NftOutcome.Anything) : (null, null);
            }
        }

        private void Mask(NftExpression expression)
        {
            int length = (int)(expression.Number(NFTA_BITWISE_LEN) ?? 0);
            ReadOnlySpan<byte> mask = expression.Nested(NFTA_BITWISE_MASK).Bytes(NFTA_DATA_VALUE);
            ReadOnlySpan<byte> xor = expression.Nested(NFTA_BITWISE_XOR).Bytes(NFTA_DATA_VALUE);
            if ((expression.Number(NFTA_BITWISE_OP) ?? 0) != 0 || length is <= 0 or > 16 || mask.Length < length || xor.Length < length)
            {
                _registers.Forget();
                return;
            }

            uint source = expression.Number(NFTA_BITWISE_SREG) ?? 0;
            Span<byte> value = stackalloc byte[length];
            Span<byte> known = stackalloc byte[length];
            for (int index = 0; index < length; index++)
            {
                value[index] = (byte)((_registers.Values(source, length)[index] & mask[index]) ^ xor[index]);
                known[index] = (byte)(_registers.Known(source, length)[index] | ~mask[index]);
            }

            _registers.Set(expression.Number(NFTA_BITWISE_DREG) ?? 1, value, known);
        }

        private bool? Compare(NftExpression expression)
        {
            ReadOnlySpan<byte> data = expression.Nested(NFTA_CMP_DATA).Bytes(NFTA_DATA_VALUE);
            uint register = expression.Number(NFTA_CMP_SREG) ?? 0;
            uint operation = expression.Number(NFTA_CMP_OP) ?? uint.MaxValue;
            if (data.Length is 0 or > 16)
            {
                return null;
            }

            if (operation is not (NFT_CMP_EQ or NFT_CMP_NEQ))
            {
                int order = _registers.Values(register, data.Length).SequenceCompareTo(data);
                return !_registers.IsKnown(register, data.Length) ? null : operation switch
                {
                    NFT_CMP_LT => order < 0,
                    NFT_CMP_LTE => order <= 0,
                    NFT_CMP_GT => order > 0,
                    NFT_CMP_GTE => order >= 0,
                    _ => null,
                };
            }

            bool isSure = true;
            for (int index = 0; index < data.Length; index++)
            {
                byte known = _registers.Known(register, data.Length)[index];
                if (((_registers.Values(register, data.Length)[index] ^ data[index]) & known) != 0)
                {
                    return operation == NFT_CMP_NEQ;
                }

                isSure &= known == byte.MaxValue;
            }

            return isSure ? operation == NFT_CMP_EQ : null;
        }

        private bool? IsInRange(NftExpression expression)
        {
            ReadOnlySpan<byte> from = expression.Nested(NFTA_RANGE_FROM_DATA).Bytes(NFTA_DATA_VALUE);
            ReadOnlySpan<byte> to = expression.Nested(NFTA_RANGE_TO_DATA).Bytes(NFTA_DATA_VALUE);
            uint register = expression.Number(NFTA_CMP_SREG) ?? 0;
            if (from.Length is 0 or > 16 || to.Length != from.Length || !_registers.IsKnown(register, from.Length))
            {
                return null;
            }

            ReadOnlySpan<byte> value = _registers.Values(register, from.Length);
            bool isInside = value.SequenceCompareTo(from) >= 0 && value.SequenceCompareTo(to) <= 0;
            return isInside == (expression.Number(NFTA_CMP_OP) == NFT_CMP_EQ);
        }

        private (bool? IsMatch, NftOutcome? End) LookUp(NftChain chain, NftExpression expression)
        {
            bool isMap = expression.Number(NFTA_LOOKUP_DREG) is not null;
            bool isVerdict = expression.Number(NFTA_LOOKUP_DREG) == NFT_REG_VERDICT;
            if (walk.ElementsOf(chain, expression.Text(NFTA_LOOKUP_SET)) is not { } set)
            {
                return Unknown();
            }

            int length = set.Elements.Where(element => !element.IsCatchAll).Select(element => element.Key.Length).FirstOrDefault();
            uint register = expression.Number(NFTA_LOOKUP_SREG) ?? 0;
            NftListedElement? found = null;
            if (length > 0)
            {
                if (length > 16 || !_registers.IsKnown(register, length))
                {
                    return Unknown();
                }

                byte[] key = _registers.Values(register, length).ToArray();
                found = set.AreIntervals
                    ? set.Elements.Where(element => !element.IsCatchAll && element.Key.AsSpan().SequenceCompareTo(key) <= 0)
                        .Aggregate((NftListedElement?)null, (last, element) => last is null || element.Key.AsSpan().SequenceCompareTo(last.Key) >= 0 ? element : last)
                    : set.Elements.FirstOrDefault(element => !element.IsCatchAll && element.Key.AsSpan().SequenceEqual(key));
                found = found is { IsEnd: true } ? null : found;
            }

            found ??= set.Elements.FirstOrDefault(element => element.IsCatchAll);
            if (isVerdict)
            {
                return found is null ? (false, null) : (true, Follow(chain, new NftExpression(found.Data)));
            }

            if (isMap)
            {
                _registers.Forget();
            }

            return ((found is not null) != ((expression.Number(NFTA_LOOKUP_FLAGS) & NFT_LOOKUP_F_INV) == NFT_LOOKUP_F_INV), null);

            (bool?, NftOutcome?) Unknown()
            {
                _registers.Forget();
                return isVerdict ? (true, NftOutcome.Anything) : (null, null);
            }
        }

        private NftOutcome Follow(NftChain chain, NftExpression data)
        {
            NftExpression verdict = data.Nested(NFTA_DATA_VERDICT);
            int code = unchecked((int)(verdict.Number(NFTA_VERDICT_CODE) ?? NF_VERDICT_MASK));
            switch (code)
            {
                case NFT_CONTINUE or NFT_BREAK:
                    return NftOutcome.GoesOn;
                case NFT_RETURN:
                    return NftOutcome.Returns;
                case NFT_JUMP or NFT_GOTO:
                    if (walk.Find(chain, verdict.Text(NFTA_VERDICT_CHAIN)) is not { } next)
                    {
                        return NftOutcome.Anything;
                    }

                    NftOutcome outcome = Walk(next);
                    return code == NFT_GOTO || (outcome & NftOutcome.Returns) == 0 ? outcome : (outcome & ~NftOutcome.Returns) | NftOutcome.GoesOn;
                default:
                    return (code & NF_VERDICT_MASK) switch
                    {
                        NF_DROP => NftOutcome.Drops,
                        NF_ACCEPT => NftOutcome.Passes,
                        _ => NftOutcome.Anything,
                    };
            }
        }

        // Those that iptables(8) writes and nftables has no words for.
        private bool? MatchXtables(NftExpression expression)
        {
            ReadOnlySpan<byte> info = expression.Bytes(NFTA_XT_INFO);
            uint revision = expression.Number(NFTA_XT_REV) ?? 0;
            return expression.Text(NFTA_XT_NAME) switch
            {
                "comment" => true,
                "conntrack" when revision >= 2 && isStateKnown => MatchState(info),
                "addrtype" when revision == 1 => MatchAddressType(info),
                "tcp" or "udp" => MatchPorts(info),
                _ => null,
            };
        }

        // struct xt_conntrack_mtinfo2 and 3 of linux/netfilter/xt_conntrack.h
        private bool? MatchState(ReadOnlySpan<byte> info)
        {
            const int MatchFlags = 146;
            const ushort State = 1;
            if (info.Length < MatchFlags + 6 || BitConverter.ToUInt16(info[MatchFlags..]) != State)
            {
                return null;
            }

            bool isInverted = (BitConverter.ToUInt16(info[(MatchFlags + 2)..]) & State) != 0;
            return ((BitConverter.ToUInt16(info[(MatchFlags + 4)..]) & NftRegisters.StateBit(packet)) != 0) != isInverted;
        }

        // struct xt_addrtype_info_v1 of linux/netfilter/xt_addrtype.h: what is forwarded goes to no address of this host.
        private static bool? MatchAddressType(ReadOnlySpan<byte> info)
        {
            const ushort Unicast = 1 << 1;
            const uint InvertDestination = 1 << 1;
            return info.Length < 8 || BitConverter.ToUInt16(info) != 0 || BitConverter.ToUInt32(info[4..]) is var flags && (flags & ~InvertDestination) != 0
                ? null
                : ((BitConverter.ToUInt16(info[2..]) & Unicast) != 0) != (flags == InvertDestination);
        }

        // struct xt_tcp and xt_udp of linux/netfilter/xt_tcpudp.h: the ports alone, as they are and not inverted.
        private bool? MatchPorts(ReadOnlySpan<byte> info)
        {
            if (info.Length < 9 || info[8..].ContainsAnyExcept((byte)0))
            {
                return null;
            }

            bool? source = IsWithin(packet.SourcePort, BitConverter.ToUInt16(info), BitConverter.ToUInt16(info[2..]));
            bool? destination = IsWithin(packet.DestinationPort, BitConverter.ToUInt16(info[4..]), BitConverter.ToUInt16(info[6..]));
            return source == false || destination == false ? false : source & destination;

            static bool? IsWithin(ushort port, ushort first, ushort last) =>
                first == 0 && last == ushort.MaxValue ? true : port == 0 ? null : port >= first && port <= last;
        }

        private (bool? IsMatch, NftOutcome? End) Target(string name)
        {
            switch (name)
            {
                case "MARK" or "CONNMARK":
                    MayMark = true;
                    return (true, null);
                case "LOG" or "NFLOG" or "TCPMSS" or "TRACE" or "CHECKSUM" or "CLASSIFY" or "DSCP" or "TOS" or "TTL" or "HL":
                    return (true, null);
                case "CT":
                    MayUntrack = true;
                    return (true, null);
                case "REJECT":
                    return (true, NftOutcome.Drops);
                case "MASQUERADE":
                    return (true, NftOutcome.Masquerades);
                case "SNAT" or "DNAT" or "REDIRECT" or "NETMAP":
                    return (true, NftOutcome.Alters);
                default:
                    return (true, NftOutcome.Anything);
            }
        }
    }
}
