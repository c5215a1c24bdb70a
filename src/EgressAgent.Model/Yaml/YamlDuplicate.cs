namespace EgressAgent.Model.Yaml;

/// <summary>A key that stands in its mapping already, and where it stood first.</summary>
internal readonly record struct YamlDuplicate(YamlScalar Key, SourceLocation First);
