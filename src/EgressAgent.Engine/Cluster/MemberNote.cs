using EgressAgent.Linux;

namespace EgressAgent.Engine.Cluster;

/// <summary>
/// What an agent notes of its cluster for the next one, as long as the node is up: with what heartbeats are signed, and where the other
/// members are. An agent that starts while etcd is away answers those by it. Whatever cannot be read is no note.
/// </summary>
/// <param name="path">The file, which is nobody else's; it is in a directory of its own, and for the owner alone.</param>
/// <param name="cluster">Of which it is: an agent may be set to another one.</param>
internal sealed class MemberNote(string path, string cluster)
{
    private const UnixFileMode DirectoryMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private string _written = "";

    /// <summary>The key in hexadecimal digits, and the heartbeats' places by node; null when there is no note of this boot.</summary>
    internal (string Key, IReadOnlyDictionary<string, string> Places)? Read()
    {
        try
        {
            string[] lines = File.ReadAllLines(path);
            if (lines is not [var boot, var name, { Length: 2 * HeartbeatMessage.KeySize } key, .. var members]
                || boot != BootId.Current || name != cluster || !key.All(char.IsAsciiHexDigit))
            {
                return null;
            }

            return (key, members.Select(member => member.Split(' ')).Where(words => words.Length == 2).ToDictionary(words => words[0], words => words[1], StringComparer.Ordinal));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null;
        }
    }

    /// <summary>Notes, or leaves it: without a note the next agent answers nobody before it has read what etcd holds.</summary>
    internal void Write(string key, IEnumerable<KeyValuePair<string, string>> places)
    {
        string text = string.Join('\n', [$"{BootId.Current}", cluster, key, .. places.Select(place => $"{place.Key} {place.Value}"), ""]);
        if (text == _written)
        {
            return;
        }

        _written = text;
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!, DirectoryMode);
            string draft = path + "~";
            File.WriteAllText(draft, text);
            File.SetUnixFileMode(draft, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            File.Move(draft, path, overwrite: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
        }
    }
}
