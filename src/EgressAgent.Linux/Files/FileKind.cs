namespace EgressAgent.Linux.Files;

/// <summary>What a path names.</summary>
public enum FileKind
{
    Regular,
    Directory,

    /// <summary>A symbolic link itself.</summary>
    Link,

    /// <summary>A pipe, a socket or a device.</summary>
    Other,
}
