namespace EgressAgent.Model.Yaml;

/// <summary>A mapping whose keys are single values, in the order of the file.</summary>
internal sealed class YamlMapping(SourceLocation location) : YamlCollection(location)
{
    public const string MergeKey = "<<";

    // Up to so many keys are found sooner by comparing them than by their hashes.
    private const int FewEntries = 8;

    private readonly List<YamlEntry> _entries = new(4);
    private Dictionary<string, int>? _index;
    private List<YamlDuplicate>? _duplicates;

    public IReadOnlyList<YamlEntry> Entries => _entries;

    /// <summary>Keys that are given twice; the first one's value counts.</summary>
    public IReadOnlyList<YamlDuplicate> Duplicates => _duplicates ?? [];

    public YamlEntry? Find(string key) => IndexOf(key) is var index and >= 0 ? _entries[index] : null;

    public void Add(YamlScalar key, YamlNode value)
    {
        YamlEntry entry = new(key, value);
        if (!TryAdd(entry))
        {
            (_duplicates ??= []).Add(new YamlDuplicate(key, _entries[IndexOf(key.Text)].Key.Location));
        }
    }

    /// <summary>
    /// Ends the mapping and takes over what its merge key (<c>&lt;&lt;</c>) names: keys that the mapping has itself win, then the
    /// earlier of several merged mappings.
    /// </summary>
    /// <returns>The merge key's value when it is neither a mapping nor a list of mappings, else null.</returns>
    public YamlNode? Close()
    {
        foreach (YamlEntry entry in _entries)
        {
            Count(entry.Key);
            Count(entry.Value);
        }

        SetClosed();
        return Find(MergeKey) is { Key.IsPlain: true } merge ? Merge(merge) : null;
    }

    public override string Describe() => "a mapping";

    private YamlNode? Merge(YamlEntry merge)
    {
        _entries.Remove(merge);
        _index = null;
        IEnumerable<YamlNode> sources = merge.Value is YamlSequence list ? list.Items : [merge.Value];
        foreach (YamlNode source in sources)
        {
            if (source is not YamlMapping mapping)
            {
                return source;
            }

            foreach (YamlEntry entry in mapping.Entries)
            {
                TryAdd(entry);
            }
        }

        return null;
    }

    private bool TryAdd(YamlEntry entry)
    {
        if (IndexOf(entry.Key.Text) >= 0)
        {
            return false;
        }

        _index?.Add(entry.Key.Text, _entries.Count);
        _entries.Add(entry);
        return true;
    }

    private int IndexOf(string key)
    {
        if (_entries.Count > FewEntries)
        {
            _index ??= Enumerable.Range(0, _entries.Count).ToDictionary(index => _entries[index].Key.Text, StringComparer.Ordinal);
            return _index.GetValueOrDefault(key, -1);
        }

        for (int index = 0; index < _entries.Count; index++)
        {
            if (_entries[index].Key.Text == key)
            {
                return index;
            }
        }

        return -1;
    }
}

/// <summary>A key of a mapping and its value.</summary>
internal readonly record struct YamlEntry(YamlScalar Key, YamlNode Value);

/// <summary>A key that stands in its mapping already, and where it stood first.</summary>
internal readonly record struct YamlDuplicate(YamlScalar Key, SourceLocation First);
