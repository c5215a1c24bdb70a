namespace EgressAgent.Model;

/// <summary>A place in a file. Lines and columns count from 1; 0 stands for the file as a whole.</summary>
public readonly record struct SourceLocation(string File, int Line, int Column)
{
    public override string ToString() => Line == 0 ? File : $"{File}:{Line}:{Column}";
}
