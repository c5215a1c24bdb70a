using System.Collections.Concurrent;
using EgressAgent.Linux.Bus;
using Tmds.DBus.Protocol;

namespace EgressAgent.Linux.Tests.Bus;

/// <summary>An object with one of everything that an interface can declare.</summary>
internal sealed class SampleObject(string name)
{
    public const string InterfaceName = "org.egressagent.Sample1";

    public static readonly BusInterface<SampleObject> Interface = new BusInterfaceBuilder<SampleObject>(InterfaceName)
        .Method("Echo", [("s", "text")], [("s", "text")], BusAccess.Everyone, Echo)
        .Method("Everything", [], [("a(sssso)", "rows"), ("a{sv}", "map"), ("(ynqiuxtdb)", "scalars")], BusAccess.Everyone, WriteEverything)
        .Method("Sum", [("at", "numbers")], [("t", "sum"), ("u", "count")], BusAccess.Everyone, Sum)
        .Method("Restart", [("s", "unit")], [], BusAccess.Privileged, (self, _, ref _) => self.Restarts++)
        .Method("Read", [], [("s", "text")], BusAccess.JournalReaders, (_, _, ref reply) => reply.WriteText("read"))
        .SlowMethod("WhoAmI", [], [("s", "sender"), ("u", "uid")], BusAccess.Everyone, WhoAmIAsync)
        .SlowMethod("Later", [], [("s", "text")], BusAccess.Everyone, LaterAsync)
        .SlowMethod("SlowThrow", [], [], BusAccess.Everyone, (_, _) => throw new InvalidOperationException("secret"))
        .Method("Refuse", [], [], BusAccess.Everyone, (_, _, ref _) => throw new BusException("org.egressagent.Error.Busy", "Not now."))
        .Method("MisnamedError", [], [], BusAccess.Everyone, (_, _, ref _) => throw new BusException("no name", "Not now."))
        .Method("Throw", [], [], BusAccess.Everyone, (_, _, ref _) => throw new InvalidOperationException("secret"))
        .Property("Name", "s", BusPropertyChange.Constant, (self, ref value) => value.WriteText(self.Name))
        .Property("State", "s", BusPropertyChange.Emits, (self, ref value) => value.WriteText(self.State))
        .Property("Addresses", "as", BusPropertyChange.Invalidates, (_, ref value) => value.WriteTexts(["192.0.2.1", "2001:db8::1"]))
        .Property("Restarts", "u", BusPropertyChange.Silent, (self, ref value) => value.WriteUInt32(self.Restarts))
        .Property("Conditions", "a(sssst)", BusPropertyChange.Emits, WriteConditions)
        .Property("Sampled", "s", BusPropertyChange.Silent, (self, ref value) => value.WriteText($"{self.Refreshes}"), self => self.RefreshAsync())
        .Signal("Renamed", [("s", "from"), ("o", "path")])
        .Build();

    /// <summary>Whose getter fails.</summary>
    public static readonly BusInterface<SampleObject> BrokenInterface =
        new BusInterfaceBuilder<SampleObject>("org.egressagent.Broken1")
            .Property("Throws", "s", BusPropertyChange.Silent, (_, ref _) => throw new InvalidOperationException("secret"))
            .Build();

    public string Name { get; } = name;

    public string State { get; set; } = "active";

    public uint Restarts { get; private set; }

    public uint Refreshes { get; private set; }

    /// <summary>The calls of Later that nobody has answered.</summary>
    public BlockingCollection<TaskCompletionSource<BusBody>> Pending { get; } = [];

    private static void Echo(SampleObject self, BusMethodCall call, ref MessageWriter reply) => reply.WriteText(call.Arguments.ReadString());

    private static void WriteEverything(SampleObject self, BusMethodCall call, ref MessageWriter reply)
    {
        ArrayStart rows = reply.WriteArrayStart(DBusType.Struct);
        reply.WriteStructureStart();
        reply.WriteText("default");
        reply.WriteText("web");
        reply.WriteText("active");
        reply.WriteText("/etc/egress-router/web.yaml");
        reply.WriteObjectPath("/org/egressagent/Agent1/router/default/web");
        reply.WriteArrayEnd(rows);

        ArrayStart map = reply.WriteDictionaryStart();
        reply.WriteDictionaryEntryStart();
        reply.WriteText("answer");
        reply.WriteVariantSignature("a{sv}");
        reply.WriteDictionaryEnd(map);

        reply.WriteStructureStart();
        reply.WriteByte(255);
        reply.WriteInt16(short.MinValue);
        reply.WriteUInt16(ushort.MaxValue);
        reply.WriteInt32(int.MinValue);
        reply.WriteUInt32(uint.MaxValue);
        reply.WriteInt64(long.MinValue);
        reply.WriteUInt64(ulong.MaxValue);
        reply.WriteDouble(0.5);
        reply.WriteBool(true);
    }

    private static void Sum(SampleObject self, BusMethodCall call, ref MessageWriter reply)
    {
        ulong sum = 0;
        uint count = 0;
        Reader arguments = call.Arguments;
        for (ArrayEnd end = arguments.ReadArrayStart(DBusType.UInt64); arguments.HasNext(end); count++)
        {
            sum += arguments.ReadUInt64();
        }

        reply.WriteUInt64(sum);
        reply.WriteUInt32(count);
    }

    private static async Task<BusBody> WhoAmIAsync(SampleObject self, BusMethodCall call)
    {
        BusCaller caller = await call.GetCallerAsync();
        return (ref MessageWriter reply) =>
        {
            reply.WriteText(call.Sender);
            reply.WriteUInt32(caller.User);
        };
    }

    private static Task<BusBody> LaterAsync(SampleObject self, BusMethodCall call)
    {
        var pending = new TaskCompletionSource<BusBody>(TaskCreationOptions.RunContinuationsAsynchronously);
        self.Pending.Add(pending);
        return pending.Task;
    }

    private static void WriteConditions(SampleObject self, ref MessageWriter value)
    {
        ArrayStart conditions = value.WriteArrayStart(DBusType.Struct);
        value.WriteStructureStart();
        value.WriteText("Available");
        value.WriteText("True");
        value.WriteText("Ready");
        value.WriteText("All is well.");
        value.WriteUInt64(1);
        value.WriteArrayEnd(conditions);
    }

    private async Task RefreshAsync()
    {
        await Task.Yield();
        Refreshes++;
    }
}
