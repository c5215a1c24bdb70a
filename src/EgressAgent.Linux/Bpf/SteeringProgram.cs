using EgressAgent.Linux.Interop;
using EgressAgent.Linux.Sockets;
using static EgressAgent.Linux.Bpf.BpfRegister;

namespace EgressAgent.Linux.Bpf;

/// <summary>
/// The program behind <see cref="PortSteering"/>. The kernel runs it whenever it looks for the listener of a connection or for
/// the unconnected socket of a datagram; established connections are found before. It reads:
/// <code>
/// if not to an inside address: leave it to the kernel
/// if clients[remote address] is missing: refuse
/// slot = ports[longest prefix of family, protocol, port], else count it, and refuse
/// if slot is OwnSocket: leave it to the kernel
/// give it to sockets[slot], else refuse
/// </code>
/// To refuse is SK_DROP: the kernel then acts as if there were no socket, with a RST or an ICMP port unreachable.
/// </summary>
internal static class SteeringProgram
{
    internal const uint OwnSocket = uint.MaxValue;

    private const int SkDrop = 0;
    private const int SkPass = 1;

    // struct bpf_sk_lookup, linux/bpf.h. Addresses are in network order, local_port is in host order.
    private const int Family = 8;
    private const int Protocol = 12;
    private const int RemoteIp4 = 16;
    private const int RemoteIp6 = 20;
    private const int LocalIp4 = 40;
    private const int LocalIp6 = 44;
    private const int LocalPort = 60;

    // enum bpf_func_id, linux/bpf.h.
    private const int MapLookup = 1;
    private const int SkRelease = 86;
    private const int SkAssign = 124;

    private const int WordSize = sizeof(uint);

    // The frame: the client key (a prefix length and 16 bytes) and, in the same place later, the port key or the slot.
    private const int ClientKey = -24;
    private const int PortKey = -8;

    internal static byte[] Assemble(
        SocketEndpoint? insideIPv4, SocketEndpoint? insideIPv6, BpfMapHandle clients, BpfMapHandle ports, BpfMapHandle sockets, BpfMapHandle refusals)
    {
        var code = new BpfAssembler();
        var pass = new BpfLabel();
        var refuse = new BpfLabel();
        var noRule = new BpfLabel();

        code.Move(R6, R1);
        MatchInsideAddress(code, insideIPv4, insideIPv6, pass);

        code.StoreWord(R10, ClientKey, 128);
        CopyRemoteAddress(code);
        Lookup(code, clients, ClientKey);
        code.JumpIfNull(R0, refuse);

        // In memory: family, protocol, port in network order.
        code.LoadWord(R2, R6, LocalPort);
        code.ToNetworkOrder16(R2);
        code.ShiftLeft(R2, 8);
        code.LoadWord(R3, R6, Protocol);
        code.Or(R2, R3);
        code.ShiftLeft(R2, 8);
        code.LoadWord(R3, R6, Family);
        code.Or(R2, R3);
        code.StoreWord(R10, PortKey, 32);
        code.StoreWord(R10, PortKey + WordSize, R2);
        Lookup(code, ports, PortKey);
        code.JumpIfNull(R0, noRule);
        code.LoadWord(R2, R0, 0);
        code.JumpIfEqual(R2, unchecked((int)OwnSocket), pass);
        code.StoreWord(R10, PortKey, R2);
        Lookup(code, sockets, PortKey);
        code.JumpIfNull(R0, refuse);
        code.Move(R7, R0);
        code.Move(R1, R6);
        code.Move(R2, R7);
        code.Move(R3, 0);
        code.Call(SkAssign);
        code.Move(R1, R7);
        code.Call(SkRelease);

        code.Mark(pass);
        code.Move(R0, SkPass);
        code.Exit();
        code.Mark(noRule);
        code.StoreWord(R10, PortKey, 0);
        Lookup(code, refusals, PortKey);
        code.JumpIfNull(R0, refuse);
        code.Move(R1, 1);
        code.AddToMemory(R0, 0, R1);
        code.Mark(refuse);
        code.Move(R0, SkDrop);
        code.Exit();
        return code.ToArray();
    }

    private static void MatchInsideAddress(BpfAssembler code, SocketEndpoint? insideIPv4, SocketEndpoint? insideIPv6, BpfLabel pass)
    {
        var ipv6 = new BpfLabel();
        var inside = new BpfLabel();
        code.LoadWord(R2, R6, Family);
        code.JumpIfNotEqual(R2, LibC.AF_INET, ipv6);
        if (insideIPv4 is { } inside4)
        {
            code.LoadWord(R2, R6, LocalIp4);
            code.JumpIfNotEqual(R2, inside4.MappedWord(3), pass);
            code.Jump(inside);
        }
        else
        {
            code.Jump(pass);
        }

        code.Mark(ipv6);
        if (insideIPv6 is { } inside6)
        {
            for (int word = 0; word < 4; word++)
            {
                code.LoadWord(R2, R6, LocalIp6 + (word * WordSize));
                code.JumpIfNotEqual(R2, inside6.MappedWord(word), pass);
            }
        }
        else
        {
            code.Jump(pass);
        }

        code.Mark(inside);
    }

    // The clients' map holds 16-byte addresses, IPv4 as ::ffff:a.b.c.d.
    private static void CopyRemoteAddress(BpfAssembler code)
    {
        var ipv6 = new BpfLabel();
        var copied = new BpfLabel();
        const int address = ClientKey + WordSize;
        code.LoadWord(R2, R6, Family);
        code.JumpIfNotEqual(R2, LibC.AF_INET, ipv6);
        code.StoreWord(R10, address, 0);
        code.StoreWord(R10, address + WordSize, 0);
        code.StoreWord(R10, address + (2 * WordSize), SocketEndpoint.MappedPrefixWord);
        code.LoadWord(R2, R6, RemoteIp4);
        code.StoreWord(R10, address + (3 * WordSize), R2);
        code.Jump(copied);

        code.Mark(ipv6);
        for (int word = 0; word < 4; word++)
        {
            code.LoadWord(R2, R6, RemoteIp6 + (word * WordSize));
            code.StoreWord(R10, address + (word * WordSize), R2);
        }

        code.Mark(copied);
    }

    private static void Lookup(BpfAssembler code, BpfMapHandle map, int key)
    {
        code.LoadMap(R1, map.Descriptor);
        code.Move(R2, R10);
        code.Add(R2, key);
        code.Call(MapLookup);
    }
}
