namespace EgressAgent.Testing.Tracing;

internal enum VerdictKind
{
    /// <summary>Nothing: the next statement.</summary>
    Continue,

    /// <summary>The rule does not apply: the next rule (NFT_BREAK).</summary>
    Break,

    /// <summary>The chain ends here; a base chain's policy decides.</summary>
    Return,

    Jump,

    /// <summary>As jump, but the chain that it leaves is not gone on with.</summary>
    Goto,

    /// <summary>Ends this base chain, and no other.</summary>
    Accept,

    Drop,

    /// <summary>As drop, and an answer is sent.</summary>
    Reject,
}
