using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace EgressAgent.Model.Yaml;

/// <summary>
/// Builds the trees of one piece of a stream from the parser's events. It keeps its own stack, so that nesting costs no
/// recursion, and checks <see cref="YamlLimits"/> before it goes deeper.
/// </summary>
internal sealed partial class YamlTreeBuilder
{
    private readonly string _file;
    private readonly string _text;
    private readonly int _firstLine;
    private readonly int _lineCount;
    private readonly List<YamlDocument> _documents = [];

    private readonly Stack<Frame> _open = new();
    private readonly Dictionary<string, YamlNode> _anchors = new(StringComparer.Ordinal);
    private List<Diagnostic> _faults = [];
    private YamlNode? _root;
    private int _values;
    private bool _gaveUp;

    public YamlTreeBuilder(string file, string text, int firstLine)
    {
        _file = file;
        _text = text;
        _firstLine = firstLine;
        _lineCount = 1 + YamlDecoder.CountLineEnds(text);
    }

    public List<YamlDocument> Build()
    {
        StrictFlowScanner scanner = new(new Scanner(new StringReader(_text), skipComments: true));
        Parser parser = new(scanner);
        ParsingEvent? last = null;
        try
        {
            while (!_gaveUp && parser.MoveNext())
            {
                last = parser.Current!;
                Take(last);
            }
        }

        // The scanner throws these for some malformed texts, beside its own exceptions.
        catch (Exception exception) when (exception is YamlException or InvalidOperationException or ArgumentException)
        {
            _faults.Add(new YamlSyntaxExplainer(_text, last, scanner.OpenBracket).Explain(exception, Locate));
            _gaveUp = true;
        }

        if (_gaveUp)
        {
            Finish(isComplete: false);
        }

        return _documents;
    }

    private void Take(ParsingEvent current)
    {
        switch (current)
        {
            case Scalar scalar:
                Attach(Anchored(scalar, ToScalar(scalar)));
                break;
            case SequenceStart start:
                CheckTag(start, "tag:yaml.org,2002:seq", "a list");
                Open(start, new YamlSequence(Locate(start.Start)));
                break;
            case MappingStart start:
                CheckTag(start, "tag:yaml.org,2002:map", "a mapping");
                Open(start, new YamlMapping(Locate(start.Start)));
                break;
            case SequenceEnd or MappingEnd:
                Close();
                break;
            case AnchorAlias alias:
                Resolve(alias);
                break;
            case DocumentEnd:
                Finish(isComplete: true);
                break;
        }
    }

    private void Open(NodeEvent start, YamlNode collection)
    {
        if (_open.Count == YamlLimits.Depth)
        {
            GiveUp(collection.Location, $"values are nested deeper than {YamlLimits.Depth} levels");
            return;
        }

        Attach(Anchored(start, collection));
        _open.Push(new Frame(collection));
    }

    private void Close()
    {
        switch (_open.Pop().Node)
        {
            case YamlSequence sequence:
                sequence.Close();
                break;
            case YamlMapping mapping when mapping.Close() is { } unmergeable:
                Fault(unmergeable.Location, $"`<<` merges a mapping or a list of mappings, not {unmergeable.Describe()}");
                break;
        }
    }

    private void Resolve(AnchorAlias alias)
    {
        SourceLocation location = Locate(alias.Start);
        if (!_anchors.TryGetValue(alias.Value.Value, out YamlNode? target))
        {
            Fault(location, $"the alias `*{alias.Value.Value}` has no anchor `&{alias.Value.Value}` before it in the document");
            Attach(new YamlScalar(location, alias.Value.Value, YamlScalarKind.Faulty, isPlain: false));
        }
        else if (!target.IsClosed)
        {
            GiveUp(location, $"the alias `*{alias.Value.Value}` stands inside the value that it repeats");
        }
        else if (_open.Count + target.Height > YamlLimits.Depth)
        {
            GiveUp(location, $"values are nested deeper than {YamlLimits.Depth} levels");
        }
        else
        {
            Attach(target.At(location));
        }
    }

    private void Attach(YamlNode node)
    {
        _values += node.Size;
        if (_values > YamlLimits.Values)
        {
            GiveUp(node.Location, $"the document holds more than {YamlLimits.Values} values, counted as often as aliases repeat them");
            return;
        }

        if (!_open.TryPeek(out Frame? parent))
        {
            _root = node;
        }
        else if (parent.Node is YamlSequence sequence)
        {
            sequence.Add(node);
        }
        else if (!parent.HasKey)
        {
            parent.HasKey = true;
            parent.Key = ToKey(node);
        }
        else
        {
            parent.HasKey = false;
            if (parent.Key is not null)
            {
                ((YamlMapping)parent.Node).Add(parent.Key, node);
            }
        }
    }

    private YamlNode Anchored(NodeEvent source, YamlNode node)
    {
        if (!source.Anchor.IsEmpty)
        {
            _anchors[source.Anchor.Value] = node;
        }

        return node;
    }

    private void Finish(bool isComplete)
    {
        SourceLocation start = _root?.Location ?? _faults.FirstOrDefault()?.Location ?? new SourceLocation(_file, _firstLine, 1);
        _documents.Add(new YamlDocument(start, _root, _faults, isComplete));
        _faults = [];
        _root = null;
        _values = 0;
        _anchors.Clear();
        _open.Clear();
    }

    private void Fault(SourceLocation location, string message) => _faults.Add(new Diagnostic(location, "", message));

    private void GiveUp(SourceLocation location, string message)
    {
        Fault(location, message);
        _gaveUp = true;
    }

    // The scanner also counts U+0085, U+2028 and U+2029 as ends of lines, which editors do not.
    private SourceLocation Locate(Mark mark) =>
        new(_file, _firstLine + (int)Math.Min(mark.Line, _lineCount) - 1, (int)Math.Max(mark.Column, 1));

    /// <summary>A collection whose end has not come yet.</summary>
    private sealed record Frame(YamlNode Node)
    {
        public bool HasKey { get; set; }

        /// <summary>The key whose value comes next; null when it was refused.</summary>
        public YamlScalar? Key { get; set; }
    }
}
