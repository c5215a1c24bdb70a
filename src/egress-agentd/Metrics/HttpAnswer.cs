using System.Net;
using System.Text;

namespace EgressAgent.Daemon.Metrics;

/// <summary>An answer, after which the connection is closed.</summary>
/// <param name="Status">Its number and reason.</param>
/// <param name="Type">That of the body.</param>
/// <param name="Body">The text.</param>
/// <param name="Header">A further header; empty for none.</param>
internal sealed record HttpAnswer(string Status, string Type, string Body, string Header = "")
{
    /// <summary>Something is wrong with a request; the body says what.</summary>
    internal static HttpAnswer Refuse(string status, string why, string header = "") => new(status, "text/plain; charset=utf-8", why + "\n", header);

    /// <param name="withBody">False for HEAD, which is told of a body and does not get it.</param>
    internal byte[] ToBytes(bool withBody)
    {
        byte[] body = Encoding.UTF8.GetBytes(Body);
        byte[] head = Encoding.ASCII.GetBytes(
            $"HTTP/1.1 {Status}\r\nContent-Type: {Type}\r\nContent-Length: {body.Length}\r\nConnection: close\r\n{Header}\r\n");
        return withBody ? [.. head, .. body] : head;
    }
}

/// <summary>The head of a request, as far as it concerns who serves one page (RFC 9112).</summary>
/// <param name="Method">The method.</param>
/// <param name="Path">Of the target, without a query.</param>
/// <param name="Host">The one header of that name.</param>
/// <param name="Accept">All of its headers; empty for none.</param>
internal sealed record HttpRequest(string Method, string Path, string Host, string Accept)
{
    /// <summary>Reads a head up to its empty line.</summary>
    /// <returns>Null, and the answer that says why, for what is no request.</returns>
    internal static HttpRequest? Read(ReadOnlySpan<byte> head, out HttpAnswer? refusal)
    {
        string[] lines = Encoding.Latin1.GetString(head).Split("\r\n", StringSplitOptions.None);
        string[] words = lines[0].Split(' ');
        refusal = null;
        if (words is not [var method, var target, var version] || !version.StartsWith("HTTP/", StringComparison.Ordinal) || method.Length == 0 || !method.All(char.IsAsciiLetterUpper))
        {
            refusal = HttpAnswer.Refuse("400 Bad Request", "this is no HTTP request");
        }
        else if (version is not ("HTTP/1.1" or "HTTP/1.0"))
        {
            refusal = HttpAnswer.Refuse("505 HTTP Version Not Supported", "only HTTP/1.1 is spoken here");
        }
        else if (lines.Skip(1).Any(line => line.Length > 0 && !IsHeader(line)))
        {
            refusal = HttpAnswer.Refuse("400 Bad Request", "there is a header that is none");
        }
        else if (Values(lines, "Host") is not [var host])
        {
            refusal = HttpAnswer.Refuse("400 Bad Request", "there must be one Host");
        }
        else
        {
            return new HttpRequest(method, target.Split('?')[0], host, string.Join(',', Values(lines, "Accept")));
        }

        return null;
    }

    /// <summary>
    /// Whether it was meant for an address of loopback: a page of the web whose name was made to lead here names its own host (DNS
    /// rebinding).
    /// </summary>
    internal bool IsForLoopback()
    {
        int colon = Host.LastIndexOf(':');
        bool isBracketed = Host.StartsWith('[');
        string name = isBracketed ? Host[1..Math.Max(1, Host.IndexOf(']'))] : colon >= 0 ? Host[..colon] : Host;
        return name.Equals("localhost", StringComparison.OrdinalIgnoreCase) || (IPAddress.TryParse(name, out IPAddress? address) && IPAddress.IsLoopback(address));
    }

    // A name is a token; one that goes on in the next line, or has a blank before the colon, is what smugglers write.
    private static bool IsHeader(string line) =>
        line.IndexOf(':') is > 0 and int colon && line[..colon].All(character => char.IsAsciiLetterOrDigit(character) || "!#$%&'*+-.^_`|~".Contains(character));

    private static string[] Values(string[] lines, string name) =>
    [
        .. lines.Skip(1).Where(line => line.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase)).Select(line => line[(name.Length + 1)..].Trim(' ', '\t')),
    ];
}
