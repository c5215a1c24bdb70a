namespace EgressAgent.Testing.Lab;

/// <summary>In which network namespace each thread of a process is.</summary>
public static class ThreadNamespaces
{
    /// <summary>The calling process' threads that are not in the namespace in which it began, as <c>thread: namespace</c>.</summary>
    public static IReadOnlyList<string> Strays() => Strays(Environment.ProcessId, Read($"/proc/{Environment.ProcessId}/ns/net"));

    internal static IReadOnlyList<string> Strays(int pid, string home) =>
        [.. from task in Directory.GetDirectories($"/proc/{pid}/task")
            let current = Read(task + "/ns/net")
            where current.Length > 0 && current != home
            select $"{Path.GetFileName(task)} ({NameOf(task)}): {current}"];

    /// <summary>The identity of the namespace that is mounted at <paramref name="path"/>, in the form of ns(7): <c>net:[…]</c>.</summary>
    internal static string Of(string path) => $"net:[{Command.Check("stat", "--format=%i", path).Trim()}]";

    private static string NameOf(string task)
    {
        try
        {
            return File.ReadAllText(task + "/comm").Trim();
        }
        catch (IOException)
        {
            return "ended";
        }
    }

    // A thread that ended meanwhile has no namespace.
    private static string Read(string link)
    {
        try
        {
            return new FileInfo(link).LinkTarget ?? "";
        }
        catch (IOException)
        {
            return "";
        }
    }
}
