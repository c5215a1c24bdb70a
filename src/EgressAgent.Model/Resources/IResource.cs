namespace EgressAgent.Model.Resources;

/// <summary>A valid document of any kind, and where it stands.</summary>
public interface IResource
{
    /// <summary>Its identity.</summary>
    ResourceKey Id { get; }

    /// <summary>Where the document begins in its file.</summary>
    SourceLocation Source { get; }

    /// <summary>The same document at another place.</summary>
    IResource At(SourceLocation source);

    /// <summary>Whether it asks for the same as another document of its kind, wherever the two stand.</summary>
    bool AsksForTheSame(IResource? other);
}
