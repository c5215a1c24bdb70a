using System.Text;

namespace EgressAgent.Linux.Bus;

/// <summary>
/// Object paths that carry arbitrary text: bytes that a path element may not hold are written as <c>_xx</c>,
/// as libsystemd does it.
/// </summary>
public static class BusPath
{
    /// <summary>
    /// Appends one element for each label: <c>/a/router</c>, <c>default</c>, <c>web-1</c> → <c>/a/router/default/web_2d1</c>.
    /// </summary>
    /// <exception cref="ArgumentException"><paramref name="prefix"/> is not an object path.</exception>
    public static string Encode(string prefix, params ReadOnlySpan<string> labels)
    {
        if (!BusNaming.IsObjectPath(prefix))
        {
            throw new ArgumentException($"'{prefix}' is not an object path.", nameof(prefix));
        }

        var path = new StringBuilder(prefix == "/" ? "" : prefix);
        foreach (string label in labels)
        {
            path.Append('/');
            AppendElement(path, label);
        }

        return path.ToString();
    }

    private static void AppendElement(StringBuilder path, string label)
    {
        if (label.Length == 0)
        {
            path.Append('_');
            return;
        }

        byte[] bytes = Encoding.UTF8.GetBytes(label);
        for (int i = 0; i < bytes.Length; i++)
        {
            // A digit in the first place is legal; libsystemd escapes it all the same.
            char character = (char)bytes[i];
            if (char.IsAsciiLetter(character) || (i > 0 && char.IsAsciiDigit(character)))
            {
                path.Append(character);
            }
            else
            {
                path.Append($"_{bytes[i]:x2}");
            }
        }
    }
}
