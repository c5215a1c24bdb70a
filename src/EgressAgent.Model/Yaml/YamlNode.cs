namespace EgressAgent.Model.Yaml;

/// <summary>A value of a YAML document and where it stands. Aliases are resolved, merge keys are merged.</summary>
internal abstract class YamlNode(SourceLocation location)
{
    public SourceLocation Location { get; } = location;

    /// <summary>How many values it holds, itself and what aliases repeat included.</summary>
    public int Size { get; protected set; } = 1;

    /// <summary>How many collections are nested in it, itself included: 0 for a scalar.</summary>
    public int Height { get; protected set; }

    /// <summary>False while its end has not been read, so in a document with a syntax error possibly for ever.</summary>
    public bool IsClosed { get; protected set; }

    /// <summary>The same value standing elsewhere, as an alias puts it.</summary>
    public abstract YamlNode At(SourceLocation location);

    /// <summary>What a message calls it: <c>a list</c>, <c>the number `80`</c>.</summary>
    public abstract string Describe();
}
