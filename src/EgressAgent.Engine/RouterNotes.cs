using System.Text;
using EgressAgent.Linux;
using EgressAgent.Model;
using EgressAgent.Model.Planning;

namespace EgressAgent.Engine;

/// <summary>
/// What an agent notes of each router for the next one, as long as the node is up. Whatever cannot be read is no note. Thread-safe for
/// different routers.
/// </summary>
/// <param name="runtime">The directory for what lasts until the next boot.</param>
/// <param name="subject">What the notes are of: the name of their directory there.</param>
internal sealed class RouterNotes(string runtime, string subject)
{
    private const UnixFileMode DirectoryMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private readonly string _directory = Path.Combine(runtime, subject);

    /// <summary>The words of a note; null when there is none of this boot.</summary>
    internal string[]? Find(RouterKey key)
    {
        try
        {
            return Encoding.ASCII.GetString(File.ReadAllBytes(PathOf(key))).TrimEnd('\n').Split(' ') is [var boot, .. var words] && boot == BootId.Current ? words : null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Notes, or leaves it: without a note the next agent looks, or does again what was done.</summary>
    internal void Write(RouterKey key, string words)
    {
        try
        {
            Directory.CreateDirectory(_directory, DirectoryMode);
            string draft = PathOf(key) + "~";
            File.WriteAllText(draft, $"{BootId.Current} {words}\n");
            File.Move(draft, PathOf(key), overwrite: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
        }
    }

    /// <summary>For when what was noted goes.</summary>
    internal void Remove(RouterKey key)
    {
        try
        {
            File.Delete(PathOf(key));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
        }
    }

    private string PathOf(RouterKey key) => Path.Combine(_directory, RouterNames.Netns(key));
}
