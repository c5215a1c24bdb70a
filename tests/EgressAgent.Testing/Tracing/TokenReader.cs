using System.Text.RegularExpressions;

namespace EgressAgent.Testing.Tracing;

/// <summary>The words of one nft command.</summary>
internal sealed partial class TokenReader(string command)
{
    private readonly string[] _tokens = [.. Pattern().Matches(command).Select(match => match.Value)];
    private int _next;

    internal bool IsAtEnd => _next == _tokens.Length;

    internal string? Peek => IsAtEnd ? null : _tokens[_next];

    internal int Position => _next;

    internal string Next() => IsAtEnd ? throw Unknown("the end") : _tokens[_next++];

    internal bool TryTake(string token)
    {
        bool isNext = Peek == token;
        _next += isNext ? 1 : 0;
        return isNext;
    }

    internal void Expect(params ReadOnlySpan<string> tokens)
    {
        foreach (string token in tokens)
        {
            if (!TryTake(token))
            {
                throw Unknown(Peek ?? "the end");
            }
        }
    }

    /// <summary>The words from a position up to here.</summary>
    internal string TextFrom(int position) => string.Join(' ', _tokens[position.._next]);

    internal NotSupportedException Unknown(string what) => new($"the packet tracer does not know {what} here: {command}");

    [GeneratedRegex("""
        "[^"]*"|!=|[{}(),;&|]|[^\s{}(),;&|"]+
        """)]
    private static partial Regex Pattern();
}
