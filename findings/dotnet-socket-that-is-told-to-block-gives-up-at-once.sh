#!/bin/bash
# A .NET Socket made of a descriptor that does not block, and told to block, gives up at once: "Connection timed out".
#
# Expected: after Blocking = true, which reads back true, Receive waits: for ever, or as long as ReceiveTimeout says. Or it says
#   WouldBlock, if the descriptor is left as it is.
# Found: Receive throws SocketError.TimedOut after no time when nothing is there yet, with ReceiveTimeout = 5000 and without any limit.
#   Blocking = false before Blocking = true makes it wait. With a descriptor that blocks it waits in any case.
# Versions: .NET 10.0, Linux 6.18, 2026-12-01.
# Source: Socket.Blocking, Socket.ReceiveTimeout; pull requests dotnet/corefx 29132 and dotnet/runtime 50788: "nothing there" of a descriptor
#   that .NET did not make non-blocking itself is taken for the end of the time limit.
# Why it matters: descriptors of native code and of an event loop do not block. Whoever hands one to .NET for a question with a time limit
#   gets "timed out" for what was never waited for, but only when the answer is not there already: on a busy machine, now and then.
set -euo pipefail

work=$(mktemp --directory)
trap 'rm -rf "$work"' EXIT
export NUGET_PACKAGES=$work/packages DOTNET_CLI_HOME=$work DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 MSBUILDDISABLENODEREUSE=1
cd "$work"

cat >told.csproj <<'XML'
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <OutputType>Exe</OutputType>
    <TargetFramework>net10.0</TargetFramework>
    <ImplicitUsings>enable</ImplicitUsings>
    <UseSharedCompilation>false</UseSharedCompilation>
  </PropertyGroup>
</Project>
XML

cat >Program.cs <<'CS'
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

Try("blocking descriptor", 0, limit: 5000, socket => socket.Blocking = true);
Try("non-blocking descriptor, true", NonBlocking, limit: 5000, socket => socket.Blocking = true);
Try("non-blocking descriptor, true, no limit", NonBlocking, limit: 0, socket => socket.Blocking = true);
Try("non-blocking descriptor, false and true", NonBlocking, limit: 5000, socket =>
{
    socket.Blocking = false;
    socket.Blocking = true;
});

// The datagram comes a second after Receive was called.
static void Try(string what, int flags, int limit, Action<Socket> tell)
{
    using var socket = new Socket(new SafeSocketHandle(NewSocket(2, 2 | flags, 0), ownsHandle: true));
    tell(socket);
    socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
    socket.ReceiveTimeout = limit;
    using var sender = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
    using var later = new Timer(_ => sender.SendTo(new byte[5], socket.LocalEndPoint!), null, 1000, Timeout.Infinite);
    long since = Stopwatch.GetTimestamp();
    string result;
    try
    {
        result = $"{socket.Receive(new byte[10])} bytes";
    }
    catch (SocketException exception)
    {
        result = exception.SocketErrorCode.ToString();
    }

    string when = Stopwatch.GetElapsedTime(since).TotalMilliseconds < 500 ? "at once" : "when it came";
    Console.WriteLine($"{what}: Blocking is {socket.Blocking}, {result} {when}");
    Thread.Sleep(1100);
}

partial class Program
{
    private const int NonBlocking = 0x800;

    [DllImport("libc", EntryPoint = "socket", SetLastError = true)]
    private static extern int NewSocket(int family, int type, int protocol);
}
CS

dotnet build --nologo --verbosity quiet --output out >build.log 2>&1 || { cat build.log; exit 1; }
timeout 60 out/told | tee printed

cat >expected <<'TEXT'
blocking descriptor: Blocking is True, 5 bytes when it came
non-blocking descriptor, true: Blocking is True, TimedOut at once
non-blocking descriptor, true, no limit: Blocking is True, TimedOut at once
non-blocking descriptor, false and true: Blocking is True, 5 bytes when it came
TEXT
diff expected printed || { echo "the behaviour has changed"; exit 1; }
