using System.Net;
using EgressAgent.Linux.Sockets;

namespace EgressAgent.Benchmarks.Relay;

/// <summary>A client that sends to <see cref="LoadPorts.Sink"/>.</summary>
internal static class UdpSender
{
    internal static int Run(string[] arguments)
    {
        var destination = new SocketEndpoint(IPAddress.Parse(arguments[0]), LoadPorts.Sink);
        UdpLoad.Parse(arguments.AsSpan(1)).Send(NativeSocket.OpenUdp(destination).Value, destination);
        return 0;
    }
}
