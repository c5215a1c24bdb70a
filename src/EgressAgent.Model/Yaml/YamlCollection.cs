namespace EgressAgent.Model.Yaml;

/// <summary>A value that holds others.</summary>
internal abstract class YamlCollection(SourceLocation location) : YamlNode(location)
{
    private int _size = 1;
    private int _height = 1;
    private bool _isClosed;

    public override int Size => _size;

    public override int Height => _height;

    public override bool IsClosed => _isClosed;

    /// <summary>Counts one of the values that it holds, which is closed itself.</summary>
    protected void Count(YamlNode value)
    {
        _size += value.Size;
        _height = Math.Max(_height, 1 + value.Height);
    }

    /// <summary>All that it holds is counted.</summary>
    protected void SetClosed() => _isClosed = true;
}
