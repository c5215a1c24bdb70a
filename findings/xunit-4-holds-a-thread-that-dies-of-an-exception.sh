#!/bin/bash
# xunit.v3 4 does not let a thread die of an exception that nobody catches: it holds it for ever, and the tests go on.
#
# Expected: an exception that nobody catches on a thread of its own ends the test process, as it ends any .NET program, and as it did with
#   xunit.v3 3.2: exit code 1, no results.
# Found: with 4.0.2 it is printed as [FATAL ERROR], the summary and the results file count the test as passed and nothing as an error, and
#   the thread stays in state WaitSleepJoin. Whoever joins it, or waits for what it was to do, waits until the run is killed.
# Versions: xunit.v3 3.2.0 and 4.0.2, .NET 10.0, 2026-11-30.
# Why it matters: a test of a program whose thread died may pass, or hang for as long as a CI lets it, instead of failing with the reason.
#   A handler of AppDomain.UnhandledException that was added before that of xunit, in a module initializer of the test project, and calls
#   Environment.FailFast, brings back what 3.2 did.
set -euo pipefail

work=$(mktemp --directory)
trap 'rm -rf "$work"' EXIT
export NUGET_PACKAGES=$work/packages DOTNET_CLI_HOME=$work DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 MSBUILDDISABLENODEREUSE=1
cd "$work"

cat >tests.csproj <<'XML'
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <OutputType>Exe</OutputType>
    <TargetFramework>net10.0</TargetFramework>
    <ImplicitUsings>enable</ImplicitUsings>
    <UseSharedCompilation>false</UseSharedCompilation>
  </PropertyGroup>
  <ItemGroup>
    <PackageReference Include="xunit.v3" Version="[$(Version_of_xunit)]" />
  </ItemGroup>
</Project>
XML

cat >Tests.cs <<'CS'
using Xunit;

public sealed class Tests
{
    [Fact]
    public void Thread_dies()
    {
        var thread = new Thread(() => throw new InvalidOperationException()) { IsBackground = true };
        thread.Start();
        Console.Error.WriteLine($"ended within 5 s: {thread.Join(TimeSpan.FromSeconds(5))}, {thread.ThreadState}");
    }
}
CS

for version in 3.2.0 4.0.2; do
    export Version_of_xunit=$version
    rm -rf obj out results.json
    dotnet build --nologo --verbosity quiet --output out >build.log 2>&1 || { cat build.log; exit 1; }
    timeout 60 out/tests -noLogo -noColor -result-ctrf results.json >log 2>printed </dev/null || true
    echo "$version: $(grep 'ended within' printed || echo 'the process ended'), $(grep -o '"passed":[0-9]*,"failed":[0-9]*' results.json 2>/dev/null || echo 'no results')"
done | tee found

cat >expected <<'TEXT'
3.2.0: the process ended, no results
4.0.2: ended within 5 s: False, Background, WaitSleepJoin, "passed":1,"failed":0
TEXT
diff expected found || { echo "the behaviour has changed"; exit 1; }
