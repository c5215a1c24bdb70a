#!/bin/bash
# Tmds.DBus.Protocol: TryRequestNameAsync(name) takes a name away from a second instance of the same program, and says true to both.
#
# Expected: the method's documentation says that it returns true if the name was acquired and false if another bus user owns it. Two
#   instances of one service that both call it with its default options: the first gets true, the second false, and can end.
# Found: the default options are AllowReplacement | ReplaceExisting. Both get true; the bus gives the name to the second, and the
#   first goes on serving nobody, without an exception and with its connection open. With RequestNameOptions.None it is as expected.
#   After that false the same connection cannot ask again, although the name is free by then: "already registered".
# Versions: Tmds.DBus.Protocol 0.95.2, .NET 10.0, dbus-daemon 1.14 (Debian 12), 2026-11-28.
# Why it matters: a D-Bus service that shall run once, as systemd's Type=dbus services do, runs twice and does not notice.
set -euo pipefail

work=$(mktemp --directory)
daemon=
trap '[ -z "$daemon" ] || kill "$daemon"; rm -rf "$work"' EXIT
export NUGET_PACKAGES=$work/packages DOTNET_CLI_HOME=$work DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 MSBUILDDISABLENODEREUSE=1
cd "$work"

cat >names.csproj <<'XML'
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

static async Task<string> OwnerOf(DBusConnection connection, string name)
{
    MessageWriter writer = connection.GetMessageWriter();
    writer.WriteMethodCallHeader("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetNameOwner", "s");
    writer.WriteString(name);
    return await connection.CallMethodAsync(writer.CreateMessage(), (message, _) => message.GetBodyReader().ReadString(), null);
}

using DBusConnection first = await Connect();
using DBusConnection second = await Connect();
Console.WriteLine($"default options: first {await first.TryRequestNameAsync("org.example.Loud")}, second {await second.TryRequestNameAsync("org.example.Loud")}");
Console.WriteLine($"the owner is the {(await OwnerOf(first, "org.example.Loud") == second.UniqueName ? "second" : "first")}");

Console.WriteLine($"None: first {await first.TryRequestNameAsync("org.example.Quiet", RequestNameOptions.None)}, second {await second.TryRequestNameAsync("org.example.Quiet", RequestNameOptions.None)}");
await first.ReleaseNameAsync("org.example.Quiet");
try
{
    Console.WriteLine($"None, when it is free: second {await second.TryRequestNameAsync("org.example.Quiet", RequestNameOptions.None)}");
}
catch (Exception exception)
{
    Console.WriteLine($"None, when it is free: {exception.GetType().Name}");
}
CS

dotnet build --nologo --verbosity quiet --output out >build.log 2>&1 || { cat build.log; exit 1; }
dbus-daemon --session --nofork --address="unix:path=$work/bus" --print-address=3 3>ready 2>/dev/null &
daemon=$!
timeout 10 sh -c "until [ -s '$work/ready' ]; do sleep 0.05; done"
timeout 60 out/names "unix:path=$work/bus" | tee printed

cat >expected <<'TEXT'
default options: first True, second True
the owner is the second
None: first True, second False
None, when it is free: InvalidOperationException
TEXT
diff expected printed || { echo "the behaviour has changed"; exit 1; }
