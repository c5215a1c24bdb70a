namespace EgressAgent.Model.Yaml;

/// <summary>What a scalar is read as, by the parser that Kubernetes uses.</summary>
internal enum YamlScalarKind
{
    Text,
    Integer,
    Float,
    Boolean,
    Null,

    /// <summary>It was reported already; readers say nothing more about it.</summary>
    Faulty,
}
