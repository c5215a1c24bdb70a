using System.Net;
using EgressAgent.Model;

namespace EgressAgent.Daemon.Names;

/// <summary>Names that lead to an address: a line of a hosts file.</summary>
internal sealed record NameLine(IPAddress Address, ValueList<string> Names)
{
    public override string ToString() => $"{Address} {string.Join(' ', Names)}";
}
