#!/bin/bash
# LiteDB's "direct" connection does not keep a second process out on Linux, and one of two inserts is lost without an error.
#
# Expected: the documentation of connection strings says of `Connection=direct` that the data file is opened in exclusive mode, kept open
#   until Dispose, and cannot be opened by another process. So a second open should get an IOException, as it does on Windows.
# Found: the second process opens the file, reads, inserts and disposes, all without an error. Each process keeps pages of its own:
#   the first one does not see what the second inserted, and what it inserts next is gone once both have closed, although Insert
#   returned in both.
# Versions: LiteDB 5.0.20, .NET 10.0, Linux (Debian 12, ext4), 2026-11-28.
# Source: https://www.litedb.org/docs/connection-string/; issue 2163 of litedb-org/LiteDB has direct beside shared mode.
# Why it matters: a daemon and its own command line that open one database for a moment at the same time lose writes silently. A lock
#   of one's own (flock on a file beside the database) has to come first.
set -euo pipefail

work=$(mktemp --directory)
trap 'rm -rf "$work"' EXIT
export NUGET_PACKAGES=$work/packages DOTNET_CLI_HOME=$work DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 MSBUILDDISABLENODEREUSE=1
cd "$work"

cat >two.csproj <<'XML'
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <OutputType>Exe</OutputType>
    <TargetFramework>net10.0</TargetFramework>
    <ImplicitUsings>enable</ImplicitUsings>
    <UseSharedCompilation>false</UseSharedCompilation>
  </PropertyGroup>
  <ItemGroup>
    <PackageReference Include="LiteDB" Version="[5.0.20]" />
  </ItemGroup>
</Project>
XML

# With "first" it starts itself as "second" between its own two inserts, and waits for that process to end.
cat >Program.cs <<'CS'
using System.Diagnostics;
using LiteDB;

string role = args[0];
using (var database = new LiteDatabase(new ConnectionString { Filename = "two.db", Connection = ConnectionType.Direct }))
{
    ILiteCollection<BsonDocument> rows = database.GetCollection("rows");
    if (role != "list")
    {
        rows.Insert(new BsonDocument { ["by"] = role });
    }

    if (role == "first")
    {
        using Process second = Process.Start(Environment.ProcessPath!, "second");
        second.WaitForExit();
        Console.WriteLine($"second ended with {second.ExitCode} while first had the database open");
        rows.Insert(new BsonDocument { ["by"] = "first, again" });
    }

    Console.WriteLine($"{role} sees: {string.Join(" | ", rows.FindAll().Select(row => row["by"].AsString))}");
}
CS

dotnet build --nologo --verbosity quiet --output out >build.log 2>&1 || { cat build.log; exit 1; }
timeout 60 out/two first | tee printed
timeout 60 out/two list | tee -a printed

cat >expected <<'TEXT'
second sees: first | second
second ended with 0 while first had the database open
first sees: first | first, again
list sees: first | second
TEXT
diff expected printed || { echo "the behaviour has changed"; exit 1; }
