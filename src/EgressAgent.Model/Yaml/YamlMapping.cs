namespace EgressAgent.Model.Yaml;

/// <summary>A mapping whose keys are single values, in the order of the file.</summary>
internal sealed class YamlMapping(SourceLocation location) : YamlNode(location)
{
    public const string MergeKey = "<<";

    private OrderedDictionary<string, YamlEntry> _entries = new(StringComparer.Ordinal);
    private List<YamlDuplicate> _duplicates = [];

    public IReadOnlyCollection<YamlEntry> Entries => _entries.Values;

    /// <summary>Keys that are given twice; the first one's value counts.</summary>
    public IReadOnlyList<YamlDuplicate> Duplicates => _duplicates;

    public YamlEntry? Find(string key) => _entries.TryGetValue(key, out YamlEntry entry) ? entry : null;

    public void Add(YamlScalar key, YamlNode value)
    {
        if (!_entries.TryAdd(key.Text, new YamlEntry(key, value)))
        {
            _duplicates.Add(new YamlDuplicate(key, _entries[key.Text].Key.Location));
        }
    }

    /// <summary>
    /// Ends the mapping and takes over what its merge key (<c>&lt;&lt;</c>) names: keys that the mapping has itself win, then the
    /// earlier of several merged mappings.
    /// </summary>
    /// <returns>The merge key's value when it is neither a mapping nor a list of mappings, else null.</returns>
    public YamlNode? Close()
    {
        Size = 1 + _entries.Values.Sum(entry => 1 + entry.Value.Size);
        Height = 1 + _entries.Values.Select(entry => entry.Value.Height).DefaultIfEmpty().Max();
        IsClosed = true;
        if (!_entries.TryGetValue(MergeKey, out YamlEntry merge) || !merge.Key.IsPlain)
        {
            return null;
        }

        _entries.Remove(MergeKey);
        IEnumerable<YamlNode> sources = merge.Value is YamlSequence list ? list.Items : [merge.Value];
        foreach (YamlNode source in sources)
        {
            if (source is not YamlMapping mapping)
            {
                return source;
            }

            foreach (YamlEntry entry in mapping.Entries)
            {
                _entries.TryAdd(entry.Key.Text, entry);
            }
        }

        return null;
    }

    public override YamlNode At(SourceLocation location) => new YamlMapping(location)
    {
        _entries = _entries,
        _duplicates = _duplicates,
        Size = Size,
        Height = Height,
        IsClosed = IsClosed,
    };

    public override string Describe() => "a mapping";
}
