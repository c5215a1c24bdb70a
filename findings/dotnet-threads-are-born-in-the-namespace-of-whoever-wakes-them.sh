#!/bin/bash
# A .NET thread that sits in another network namespace for a moment leaves pool threads behind in it, for good.
#
# Expected: setns(2) moves the calling thread only. A program that enters a namespace on a thread of its own, opens what it needs and
#   comes back has all its other threads where they were; so say the manual and every Go program that locks its thread.
# Found: a new thread inherits the namespace of the thread that creates it, and .NET's pool creates threads on whatever thread queues
#   work. One Task.Run inside is enough: the worker is born there, stays there after the thread came back, and later runs unrelated work
#   of the process, whose sockets are then opened in the wrong network. Work that is queued after the return does no harm.
# Versions: .NET 10.0, Linux 6.18, 2026-11-28.
# Source: setns(2), clone(2); System.Threading.PortableThreadPool creates a worker when work is requested.
# Why it matters: a connection "of the host" that now and then leaves by a container's interface. Between setns there and back only plain
#   system calls may stand: nothing asynchronous, no completion of a task, no timer.
set -euo pipefail

work=$(mktemp --directory)
other=born-$$
trap 'ip netns delete "$other" 2>/dev/null || true; rm -rf "$work"' EXIT
export NUGET_PACKAGES=$work/packages DOTNET_CLI_HOME=$work DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 MSBUILDDISABLENODEREUSE=1
cd "$work"
ip netns add "$other"

cat >born.csproj <<'XML'
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <OutputType>Exe</OutputType>
    <TargetFramework>net10.0</TargetFramework>
    <ImplicitUsings>enable</ImplicitUsings>
    <UseSharedCompilation>false</UseSharedCompilation>
  </PropertyGroup>
</Project>
XML

# born NAMESPACE inside|after: a thread enters the namespace and leaves it; work is queued while it is inside, or afterwards.
cat >Program.cs <<'CS'
using System.Runtime.InteropServices;

using var home = File.OpenHandle("/proc/thread-self/ns/net");
using var other = File.OpenHandle($"/run/netns/{args[0]}");
var ran = new ManualResetEvent(false);
var thread = new Thread(() =>
{
    Enter(other);
    if (args[1] == "inside")
    {
        _ = Task.Run(() => ran.Set());
    }

    Enter(home);
    if (args[1] == "after")
    {
        _ = Task.Run(() => ran.Set());
    }

    ran.WaitOne();
});
thread.Start();
thread.Join();

string here = NetworkOf("self");
int strangers = Directory.GetDirectories("/proc/self/task").Count(task => NetworkOf($"self/task/{Path.GetFileName(task)}") != here);
Console.WriteLine($"work queued {args[1]}: {(strangers == 0 ? "all threads are at home" : "threads are left in the other namespace")}");

static string NetworkOf(string process) => new FileInfo($"/proc/{process}/ns/net").LinkTarget!;

static void Enter(SafeHandle network)
{
    if (setns((int)network.DangerousGetHandle(), 0) != 0)
    {
        throw new IOException($"setns: errno {Marshal.GetLastPInvokeError()}");
    }
}

[DllImport("libc", SetLastError = true)]
static extern int setns(int descriptor, int type);
CS

dotnet build --nologo --verbosity quiet --output out >build.log 2>&1 || { cat build.log; exit 1; }
{
    timeout 60 out/born "$other" inside
    timeout 60 out/born "$other" after
} | tee printed

cat >expected <<'TEXT'
work queued inside: threads are left in the other namespace
work queued after: all threads are at home
TEXT
diff expected printed || { echo "the behaviour has changed"; exit 1; }
