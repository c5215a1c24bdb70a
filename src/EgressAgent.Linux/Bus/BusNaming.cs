namespace EgressAgent.Linux.Bus;

/// <summary>Valid names by the D-Bus specification.</summary>
internal static class BusNaming
{
    private const int MaxLength = 255;

    /// <summary>Also the rule for the names of errors: two or more elements with dots between them.</summary>
    internal static bool IsInterfaceName(string name) =>
        name.Length <= MaxLength && name.Contains('.') && name.Split('.').All(IsElement);

    internal static bool IsMemberName(string name) => name.Length <= MaxLength && IsElement(name);

    internal static bool IsObjectPath(string path) =>
        path == "/" || (path.StartsWith('/') && path[1..].Split('/').All(element => element.Length > 0 && element.All(IsLetterOrDigit)));

    private static bool IsElement(string element) => element.Length > 0 && !char.IsAsciiDigit(element[0]) && element.All(IsLetterOrDigit);

    private static bool IsLetterOrDigit(char character) => char.IsAsciiLetterOrDigit(character) || character == '_';
}
