namespace EgressAgent.Testing.Lab;

/// <summary>The directories of one agent, private to a test: router files, settings, state, runtime.</summary>
public sealed class AgentFiles : IDisposable
{
    /// <summary>The environment variable with a line that the settings of all agents have besides, to run tests of something else with it.</summary>
    private const string SettingVariable = "EGRESS_TEST_SETTING";

    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("egress-test-");

    public AgentFiles()
    {
        foreach (string directory in (string[])[Routers, State, Runtime])
        {
            Directory.CreateDirectory(directory);
        }

        File.Copy(Repository.PathOf("etc/egress-agentd/agentd.yaml"), Config);
        if (Environment.GetEnvironmentVariable(SettingVariable) is { Length: > 0 } setting)
        {
            Configure(setting);
        }

        File.SetUnixFileMode(Config, UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    /// <summary>What <c>--routers</c> gets.</summary>
    public string Routers => Path.Combine(_root.FullName, "routers");

    /// <summary>What <c>--config</c> gets: a copy of the packaged settings.</summary>
    public string Config => Path.Combine(_root.FullName, "agentd.yaml");

    /// <summary>What <c>--state</c> gets.</summary>
    public string State => Path.Combine(_root.FullName, "state");

    /// <summary>What <c>--runtime</c> gets.</summary>
    public string Runtime => Path.Combine(_root.FullName, "runtime");

    /// <summary>What <c>--bus</c> gets.</summary>
    public string Bus { get; set; } = "none";

    internal string NotifySocket => Path.Combine(_root.FullName, "notify");

    /// <summary>Adds a line to the settings, which the next agent reads.</summary>
    public void Configure(string line) => File.AppendAllLines(Config, [line]);

    /// <summary>The path of a router file.</summary>
    public string RouterFile(string name) => Path.Combine(Routers, name);

    /// <summary>Writes a router file in place, as <c>cp</c> does. It is root's and writable by root alone.</summary>
    public void Write(string name, string text)
    {
        FileStreamOptions options = new()
        {
            Mode = FileMode.Create,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead,
        };
        using StreamWriter writer = new(RouterFile(name), options);
        writer.Write(text);
    }

    /// <summary>Writes a file without a router. Where there is no file at all, an agent that starts keeps the routers that ran.</summary>
    public void WriteNone() => Write("none.yaml", "# no router\n");

    /// <summary>Writes a router file the way most editors save: a new file, renamed over the old one.</summary>
    public void Replace(string name, string text)
    {
        Write($".{name}.tmp", text);
        File.Move(RouterFile($".{name}.tmp"), RouterFile(name), overwrite: true);
    }

    /// <summary>Gives a file another name, in place of what had it.</summary>
    public void Move(string name, string newName) => File.Move(RouterFile(name), RouterFile(newName), overwrite: true);

    public void Delete(string name) => File.Delete(RouterFile(name));

    public void Dispose() => _root.Delete(recursive: true);
}
