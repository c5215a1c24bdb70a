using System.Collections.Concurrent;
using EgressAgent.Linux.Bus;

namespace EgressAgent.Linux.Tests.Bus;

/// <summary>An object with one of everything that an interface can declare.</summary>
internal sealed class SampleObject(string name)
{
    public const string InterfaceName = "org.egressagent.Sample1";

    public static readonly BusInterface<SampleObject> Interface = new BusInterfaceBuilder<SampleObject>(InterfaceName)
        .Method("Echo", [("s", "text")], [("s", "text")], BusAccess.Everyone, Echo)
        .Method("Everything", [], [("a(sssso)", "rows"), ("a{sv}", "map"), ("(ynqiuxtdb)", "scalars")], BusAccess.Everyone, WriteEverything)
        .Method("Sum", [("at", "numbers")], [("t", "sum"), ("u", "count")], BusAccess.Everyone, Sum)
        .Method("Unwrap", [("v", "value")], [("s", "value")], BusAccess.Everyone, Unwrap)
        .Method("Flatten", [("a{sv}", "map"), ("a(sq)", "pairs")], [("as", "items")], BusAccess.Everyone, Flatten)
        .Method("Restart", [("s", "unit")], [], BusAccess.Privileged, (self, _) => self.Restarts++)
        .Method("WhoAmI", [], [("s", "sender"), ("u", "uid")], BusAccess.Everyone, WhoAmI)
        .Method("Later", [], [("s", "text")], BusAccess.Everyone, (self, call) => self.Deferred.Add(call.Defer()))
        .Method("Refuse", [], [], BusAccess.Everyone, (_, _) => throw new BusException("org.egressagent.Error.Busy", "Not now."))
        .Method("MisnamedError", [], [], BusAccess.Everyone, (_, _) => throw new BusException("no name", "Not now."))
        .Method("Throw", [], [], BusAccess.Everyone, (_, _) => throw new InvalidOperationException("secret"))
        .Method("WrongReply", [], [("s", "text")], BusAccess.Everyone, (_, call) => call.Reply.WriteUInt32(1))
        .Property("Name", "s", BusPropertyChange.Constant, (self, value) => value.WriteString(self.Name))
        .Property("State", "s", BusPropertyChange.Emits, (self, value) => value.WriteString(self.State))
        .Property("Addresses", "as", BusPropertyChange.Invalidates, (_, value) => value.WriteStrings(["192.0.2.1", "2001:db8::1"]))
        .Property("Restarts", "u", BusPropertyChange.Silent, (self, value) => value.WriteUInt32(self.Restarts))
        .Property("Conditions", "a(sssst)", BusPropertyChange.Emits, WriteConditions)
        .Signal("Renamed", [("s", "from"), ("o", "path")])
        .Build();

    /// <summary>Whose getters fail.</summary>
    public static readonly BusInterface<SampleObject> BrokenInterface =
        new BusInterfaceBuilder<SampleObject>("org.egressagent.Broken1")
            .Property("Throws", "s", BusPropertyChange.Silent, (_, _) => throw new InvalidOperationException("secret"))
            .Property("WrongType", "s", BusPropertyChange.Silent, (_, value) => value.WriteUInt32(1))
            .Build();

    public string Name { get; } = name;

    public string State { get; set; } = "active";

    public uint Restarts { get; private set; }

    public BlockingCollection<BusDeferredReply> Deferred { get; } = [];

    private static void Echo(SampleObject self, BusMethodCall call) => call.Reply.WriteString(call.Arguments.ReadString());

    private static void WriteEverything(SampleObject self, BusMethodCall call)
    {
        BusMessageWriter reply = call.Reply;
        reply.OpenArray("(sssso)");
        reply.OpenStruct("sssso");
        reply.WriteString("default");
        reply.WriteString("web");
        reply.WriteString("active");
        reply.WriteString("/etc/egress-router/web.yaml");
        reply.WriteObjectPath("/org/egressagent/Agent1/router/default/web");
        reply.Close();
        reply.Close();

        reply.OpenArray("{sv}");
        reply.OpenDictEntry("sv");
        reply.WriteString("answer");
        reply.OpenVariant("g");
        reply.WriteSignature("a{sv}");
        reply.Close();
        reply.Close();
        reply.Close();

        reply.OpenStruct("ynqiuxtdb");
        reply.WriteByte(255);
        reply.WriteInt16(short.MinValue);
        reply.WriteUInt16(ushort.MaxValue);
        reply.WriteInt32(int.MinValue);
        reply.WriteUInt32(uint.MaxValue);
        reply.WriteInt64(long.MinValue);
        reply.WriteUInt64(ulong.MaxValue);
        reply.WriteDouble(0.5);
        reply.WriteBoolean(true);
        reply.Close();
    }

    private static void Sum(SampleObject self, BusMethodCall call)
    {
        ulong sum = 0;
        uint count = 0;
        BusMessageReader arguments = call.Arguments;
        for (arguments.EnterArray("t"); !arguments.AtEnd; count++)
        {
            sum += arguments.ReadUInt64();
        }

        arguments.Exit();
        call.Reply.WriteUInt64(sum);
        call.Reply.WriteUInt32(count);
    }

    private static void Unwrap(SampleObject self, BusMethodCall call)
    {
        BusMessageReader arguments = call.Arguments;
        arguments.EnterVariant("s");
        call.Reply.WriteString(arguments.ReadString());
        arguments.Exit();
    }

    private static void Flatten(SampleObject self, BusMethodCall call)
    {
        List<string> items = [];
        BusMessageReader arguments = call.Arguments;
        arguments.EnterArray("{sv}");
        while (arguments.TryEnterDictEntry("sv"))
        {
            items.Add($"{arguments.ReadString()}:{arguments.PeekVariantType()}");
            arguments.Skip("v");
            arguments.Exit();
        }

        arguments.Exit();
        arguments.EnterArray("(sq)");
        while (arguments.TryEnterStruct("sq"))
        {
            items.Add($"{arguments.ReadString()}/{arguments.ReadUInt16()}");
            arguments.Exit();
        }

        arguments.Exit();
        call.Reply.WriteStrings(items);
    }

    private static void WhoAmI(SampleObject self, BusMethodCall call)
    {
        call.Reply.WriteString(call.Sender);
        call.Reply.WriteUInt32(call.GetCallerUid());
    }

    private static void WriteConditions(SampleObject self, BusMessageWriter value)
    {
        value.OpenArray("(sssst)");
        value.OpenStruct("sssst");
        value.WriteString("Available");
        value.WriteString("True");
        value.WriteString("Ready");
        value.WriteString("All is well.");
        value.WriteUInt64(1);
        value.Close();
        value.Close();
    }
}
