namespace EgressAgent.Model.Yaml;

/// <summary>A list.</summary>
internal sealed class YamlSequence(SourceLocation location) : YamlNode(location)
{
    private List<YamlNode> _items = [];

    public IReadOnlyList<YamlNode> Items => _items;

    public void Add(YamlNode item) => _items.Add(item);

    public void Close()
    {
        Size = 1 + _items.Sum(item => item.Size);
        Height = 1 + _items.Select(item => item.Height).DefaultIfEmpty().Max();
        IsClosed = true;
    }

    public override YamlNode At(SourceLocation location) =>
        new YamlSequence(location) { _items = _items, Size = Size, Height = Height, IsClosed = IsClosed };

    public override string Describe() => "a list";
}
