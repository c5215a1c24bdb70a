namespace EgressAgent.Model.Yaml;

/// <summary>A value of a YAML document and where it stands. Aliases are resolved, merge keys are merged.</summary>
internal abstract class YamlNode(SourceLocation location)
{
    public SourceLocation Location { get; private set; } = location;

    /// <summary>How many values it holds, itself and what aliases repeat included.</summary>
    public virtual int Size => 1;

    /// <summary>How many collections are nested in it, itself included: 0 for a scalar.</summary>
    public virtual int Height => 0;

    /// <summary>False while its end has not been read, so in a document with a syntax error possibly for ever.</summary>
    public virtual bool IsClosed => true;

    /// <summary>The same value standing elsewhere, as an alias puts it.</summary>
    public YamlNode At(SourceLocation location)
    {
        YamlNode node = (YamlNode)MemberwiseClone();
        node.Location = location;
        return node;
    }

    /// <summary>What a message calls it: <c>a list</c>, <c>the number `80`</c>.</summary>
    public abstract string Describe();
}
