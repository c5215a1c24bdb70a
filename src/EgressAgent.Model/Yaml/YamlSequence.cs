namespace EgressAgent.Model.Yaml;

/// <summary>A list.</summary>
internal sealed class YamlSequence(SourceLocation location) : YamlCollection(location)
{
    private readonly List<YamlNode> _items = [];

    public IReadOnlyList<YamlNode> Items => _items;

    public void Add(YamlNode item) => _items.Add(item);

    public void Close()
    {
        foreach (YamlNode item in _items)
        {
            Count(item);
        }

        SetClosed();
    }

    public override string Describe() => "a list";
}
