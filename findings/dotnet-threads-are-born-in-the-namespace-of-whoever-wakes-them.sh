#!/bin/bash
# A .NET thread that sits in another network namespace for a moment leaves pool threads behind in it, for good.
#
# Expected: setns(2) moves the calling thread only. A program that enters a namespace on a thread of its own, opens what it needs and
#   comes back has all its other threads where they were; so say the manual and every Go program that locks its thread.
# Found: a new thread inherits the namespace of the thread that creates it, and .NET's pool creates threads on whatever thread queues
#   work. One Task.Run inside is enough: the worker is born there, stays there after the thread came back, and later runs unrelated work
#   of the process, whose sockets are then opened in the wrong network. Work that is queued after the return does no harm.
#   The first Socket of a process does the same, though nothing asynchronous is asked of it: its constructor alone starts the thread
#   ".NET Sockets", which then wakes workers of the pool for all sockets of the process. One made of a descriptor, after the return, does not.
# Versions: .NET 10.0, Linux 6.18, 2026-11-30.
# Source: setns(2), clone(2); System.Threading.PortableThreadPool creates a worker when work is requested.
# Why it matters: a connection "of the host" that now and then leaves by a container's interface. Between setns there and back only plain
#   system calls may stand: nothing asynchronous, no completion of a task, no timer, and no Socket.
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

# born NAMESPACE inside|after work|socket|descriptor: a thread enters the namespace and leaves it; while it is inside, or afterwards, work is
# queued, or a socket is made, by its constructor or of a descriptor that was opened inside.
cat >Program.cs <<'CS'
using System.Net.Sockets;
using System.Runtime.InteropServices;

using var home = File.OpenHandle("/proc/thread-self/ns/net");
using var other = File.OpenHandle($"/run/netns/{args[0]}");
var ran = new ManualResetEvent(false);
int descriptor = -1;
Socket? made = null;
var thread = new Thread(() =>
{
    Enter(other);
    descriptor = socket(2, 1, 0);
    if (args[1] == "inside")
    {
        Begin();
    }

    Enter(home);
    if (args[1] == "after")
    {
        Begin();
    }

    ran.WaitOne();
});
thread.Start();
thread.Join();

string here = NetworkOf("self");
int strangers = Directory.GetDirectories("/proc/self/task").Count(task => NetworkOf($"self/task/{Path.GetFileName(task)}") != here);
Console.WriteLine($"{args[2]} {args[1]}: {(strangers == 0 ? "all threads are at home" : "threads are left in the other namespace")}");

GC.KeepAlive(made);

void Begin()
{
    if (args[2] == "work")
    {
        _ = Task.Run(() => ran.Set());
        return;
    }

    made = args[2] == "socket"
        ? new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)
        : new Socket(new SafeSocketHandle(descriptor, ownsHandle: true));
    ran.Set();
}

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

[DllImport("libc", SetLastError = true)]
static extern int socket(int family, int type, int protocol);
CS

dotnet build --nologo --verbosity quiet --output out >build.log 2>&1 || { cat build.log; exit 1; }
{
    for what in work socket descriptor; do
        timeout 60 out/born "$other" inside "$what"
        timeout 60 out/born "$other" after "$what"
    done
} | tee printed

cat >expected <<'TEXT'
work inside: threads are left in the other namespace
work after: all threads are at home
socket inside: threads are left in the other namespace
socket after: all threads are at home
descriptor inside: threads are left in the other namespace
descriptor after: all threads are at home
TEXT
diff expected printed || { echo "the behaviour has changed"; exit 1; }
