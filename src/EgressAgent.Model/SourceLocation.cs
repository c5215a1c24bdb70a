namespace EgressAgent.Model;

/// <summary>
/// A place in a file. Lines and columns count from 1; 0 stands for the file as a whole. What is wrong with the node is at a sysctl
/// instead, by the name that sysctl(8) prints.
/// </summary>
public readonly record struct SourceLocation(string File, int Line, int Column)
{
    /// <summary>Whether <see cref="File"/> is one, and no sysctl.</summary>
    public static bool IsFile(string file) => !file.StartsWith("net.", StringComparison.Ordinal) && !file.EndsWith("/socket", StringComparison.Ordinal);

    public override string ToString() => Line == 0 ? File : $"{File}:{Line}:{Column}";
}
