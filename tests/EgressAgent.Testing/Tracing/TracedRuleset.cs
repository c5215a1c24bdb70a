namespace EgressAgent.Testing.Tracing;

/// <summary>A table of nf_tables in a form that can be evaluated.</summary>
/// <param name="Chains">By name.</param>
/// <param name="Counters">How many packets the named counters have counted so far; one that has counted none is missing.</param>
public sealed record TracedRuleset(IReadOnlyDictionary<string, TracedChain> Chains, IReadOnlyDictionary<string, int> Counters)
{
    /// <summary>Reads the nft commands that create the table from nothing.</summary>
    /// <exception cref="NotSupportedException">There is an expression in it that the tracer does not know.</exception>
    public static TracedRuleset Parse(string script) => new RulesetScriptParser().Parse(script);

    internal IEnumerable<TracedChain> At(string hook) => Chains.Values.Where(chain => chain.Hook == hook).OrderBy(chain => chain.Priority);

    /// <summary>Accept, drop or reject.</summary>
    internal Verdict Evaluate(TracedChain baseChain, Passage passage) => Walk(baseChain, passage) is { Kind: not VerdictKind.Return } verdict
        ? verdict
        : new Verdict(baseChain.IsAcceptedByPolicy ? VerdictKind.Accept : VerdictKind.Drop);

    private Verdict Walk(TracedChain chain, Passage passage)
    {
        foreach (TracedRule rule in chain.Rules)
        {
            Verdict verdict = Apply(rule, passage);
            if (verdict.Kind == VerdictKind.Jump)
            {
                verdict = Walk(Chains[verdict.Argument!], passage);
                if (verdict.Kind == VerdictKind.Return)
                {
                    continue;
                }
            }

            if (verdict.Kind == VerdictKind.Goto)
            {
                return Walk(Chains[verdict.Argument!], passage);
            }

            if (verdict.Kind is not (VerdictKind.Break or VerdictKind.Continue))
            {
                return verdict;
            }
        }

        return new Verdict(VerdictKind.Return);
    }

    private static Verdict Apply(TracedRule rule, Passage passage)
    {
        foreach (TracedStatement statement in rule.Statements)
        {
            Verdict verdict = statement.Run(passage);
            if (verdict.Kind != VerdictKind.Continue)
            {
                return verdict;
            }
        }

        return new Verdict(VerdictKind.Continue);
    }
}
