namespace EgressAgent.Model.Yaml;

/// <summary>What a file may cost to read. No honest file comes near.</summary>
internal static class YamlLimits
{
    /// <summary>4 MiB.</summary>
    public const int FileBytes = 4 * 1024 * 1024;

    /// <summary>Documents of one file.</summary>
    public const int Documents = 10_000;

    /// <summary>Collections inside collections.</summary>
    public const int Depth = 64;

    /// <summary>Keys, values and collections of one document, counted as often as aliases repeat them.</summary>
    public const int Values = 500_000;

    /// <summary>How many faults of one document are reported.</summary>
    public const int Faults = 1_000;
}
