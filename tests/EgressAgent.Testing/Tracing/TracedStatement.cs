namespace EgressAgent.Testing.Tracing;

/// <summary>One match or one action of a rule.</summary>
public sealed record TracedStatement
{
    internal TracedStatement(string text, bool isMatch, Func<Passage, Verdict> run)
    {
        Text = text;
        IsMatch = isMatch;
        Run = run;
    }

    /// <summary>In nft's language.</summary>
    public string Text { get; }

    public bool IsMatch { get; }

    internal Func<Passage, Verdict> Run { get; }
}
