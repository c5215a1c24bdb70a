using YamlDotNet.Core;
using YamlDotNet.Core.Tokens;

namespace EgressAgent.Model.Yaml;

/// <summary>
/// Insists on the comma between the entries of <c>{…}</c> and <c>[…]</c>. The parser overlooks a missing one after a nested
/// collection and after an alias; Kubernetes does not, and such a file would work here and nowhere else.
/// </summary>
internal sealed class StrictFlowScanner(IScanner inner) : IScanner
{
    private readonly Stack<(Mark Mark, bool IsBrace)> _open = new();
    private bool _valueEnded;

    public Mark CurrentPosition => inner.CurrentPosition;

    public Token? Current => inner.Current;

    /// <summary>Where the innermost bracket stands that is still open.</summary>
    public Mark? OpenBracket => _open.TryPeek(out (Mark Mark, bool) bracket) ? bracket.Mark : null;

    public bool MoveNext() => inner.MoveNext() && Accept(inner.Current!);

    public bool MoveNextWithoutConsuming() => inner.MoveNextWithoutConsuming() && Accept(inner.Current!);

    public void ConsumeCurrent() => inner.ConsumeCurrent();

    private bool Accept(Token token)
    {
        bool begins = token is Key or Scalar or Anchor or AnchorAlias or Tag or FlowMappingStart or FlowSequenceStart;
        if (begins && _valueEnded && _open.Count > 0)
        {
            throw new SemanticErrorException(
                token.Start, token.End, "While parsing a flow collection, did not find expected ',' or its end.");
        }

        _valueEnded = token is Scalar or AnchorAlias or FlowMappingEnd or FlowSequenceEnd;
        if (token is FlowMappingStart or FlowSequenceStart)
        {
            _open.Push((token.Start, token is FlowMappingStart));
        }
        else if (token is FlowMappingEnd or FlowSequenceEnd && _open.TryPeek(out var bracket) && bracket.IsBrace == token is FlowMappingEnd)
        {
            _open.Pop();
        }

        return true;
    }
}
