namespace EgressAgent.Linux;

/// <summary>The identity of this installation (machine-id(5)).</summary>
public static class MachineId
{
    public const string DefaultPath = "/etc/machine-id";

    /// <summary>
    /// 32 lower-case hexadecimal digits; null when the machine has none yet: the file is missing, empty, or says
    /// <c>uninitialized</c>, as in an image that has not booted.
    /// </summary>
    /// <exception cref="IOException">The file is there and cannot be read.</exception>
    public static string? Read(string path = DefaultPath)
    {
        try
        {
            string text = File.ReadAllText(path).TrimEnd('\n');
            return text.Length == 32 && text.All(char.IsAsciiHexDigitLower) ? text : null;
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }
}
