namespace EgressAgent.Model.Yaml;

/// <summary>The bytes of one document of a YAML stream.</summary>
/// <param name="Range">Where in the file.</param>
/// <param name="FirstLine">The file's line (from 1) on which it begins.</param>
internal readonly record struct YamlChunk(Range Range, int FirstLine);
