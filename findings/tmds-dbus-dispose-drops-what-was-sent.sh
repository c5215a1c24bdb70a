#!/bin/bash
# Tmds.DBus.Protocol: messages for which TrySendMessage returned true are dropped when the connection is disposed right after.
#
# Expected: the method's documentation says that true means that the message was sent. A service that emits its last signals and
#   disposes its connection has told everybody.
# Found: true means that the message is in an unbounded queue of the process. Dispose drops what is still in it: of 200 signals of
#   4 KiB only some arrive. A call whose answer is awaited (org.freedesktop.DBus.Peer.Ping to the bus) before Dispose is a flush: then
#   all 200 arrive.
# Versions: Tmds.DBus.Protocol 0.95.2, .NET 10.0, dbus-daemon 1.14 (Debian 12), 2026-11-28.
# Why it matters: what a program says last, that something was removed or that it ends, is what gets lost; and a program that emits
#   faster than the bus reads grows without bound unless it waits for an answer now and then.
set -euo pipefail

work=$(mktemp --directory)
daemon=
trap '[ -z "$daemon" ] || kill "$daemon"; rm -rf "$work"' EXIT
export NUGET_PACKAGES=$work/packages DOTNET_CLI_HOME=$work DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 MSBUILDDISABLENODEREUSE=1
cd "$work"

cat >sends.csproj <<'XML'
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <OutputType>Exe</OutputType>
    <TargetFramework>net10.0</TargetFramework>
    <ImplicitUsings>enable</ImplicitUsings>
    <UseSharedCompilation>false</UseSharedCompilation>
  </PropertyGroup>
  <ItemGroup>
    <PackageReference Include="Tmds.DBus.Protocol" Version="[0.95.2]" />
  </ItemGroup>
</Project>
XML

cat >Program.cs <<'CS'
using Tmds.DBus.Protocol;

async Task<DBusConnection> Connect()
{
    var connection = new DBusConnection(args[0]);
    await connection.ConnectAsync();
    return connection;
}

static async Task Ping(DBusConnection connection)
{
    MessageWriter writer = connection.GetMessageWriter();
    writer.WriteMethodCallHeader("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus.Peer", "Ping");
    await connection.CallMethodAsync(writer.CreateMessage());
}

using DBusConnection listener = await Connect();
int arrived = 0;
bool isOver = false;
var rule = new MatchRule { Type = MessageType.Signal, Interface = "org.example.Sends" };
await listener.AddMatchAsync(rule, (message, _) => message.MemberAsString, (Exception? exception, string? member, object? _, object? _) =>
{
    if (member == "Over")
    {
        Volatile.Write(ref isOver, true);
    }
    else
    {
        Interlocked.Increment(ref arrived);
    }
}, ObserverFlags.None, null, null, false);

static bool Emit(DBusConnection connection, string member)
{
    MessageWriter writer = connection.GetMessageWriter();
    writer.WriteSignalHeader(null, "/", "org.example.Sends", member, "s");
    writer.WriteString(new string('x', 4096));
    return connection.TrySendMessage(writer.CreateMessage());
}

async Task<int> Run(bool flush)
{
    arrived = 0;
    isOver = false;
    DBusConnection sender = await Connect();
    int accepted = 0;
    for (int i = 0; i < 200; i++)
    {
        accepted += Emit(sender, "Said") ? 1 : 0;
    }

    if (flush)
    {
        await Ping(sender);
    }

    sender.Dispose();

    // What another connection says afterwards comes after all that arrived.
    using DBusConnection last = await Connect();
    Emit(last, "Over");
    await Ping(last);
    while (!Volatile.Read(ref isOver))
    {
        await Task.Delay(10);
    }

    Console.WriteLine($"{(flush ? "with a Ping before Dispose" : "Dispose at once")}: {accepted} accepted, {(arrived == accepted ? "all" : "not all")} arrived");
    return arrived;
}

await Run(flush: true);
Console.Error.WriteLine($"({await Run(flush: false)} of them)");
CS

dotnet build --nologo --verbosity quiet --output out >build.log 2>&1 || { cat build.log; exit 1; }
dbus-daemon --session --nofork --address="unix:path=$work/bus" --print-address=3 3>ready 2>/dev/null &
daemon=$!
timeout 10 sh -c "until [ -s '$work/ready' ]; do sleep 0.05; done"
timeout 60 out/sends "unix:path=$work/bus" | tee printed

cat >expected <<'TEXT'
with a Ping before Dispose: 200 accepted, all arrived
Dispose at once: 200 accepted, not all arrived
TEXT
diff expected printed || { echo "the behaviour has changed"; exit 1; }
