using System.Diagnostics;
using Xunit;

namespace EgressAgent.Testing.Bus;

/// <summary>Runs the native egressctl.</summary>
/// <param name="address">The bus.</param>
/// <param name="uid">The user to run it as; our own by default.</param>
public sealed class Egressctl(string address, int? uid = null)
{
    /// <summary>Runs it to its end.</summary>
    public CommandResult Run(params IReadOnlyList<string> arguments) => Command.Run(Words(arguments));

    /// <summary>Starts it; the caller ends it and reads its output.</summary>
    public Process Start(params IReadOnlyList<string> arguments) => Process.Start(Command.StartInfo(Words(arguments)))!;

    private string[] Words(IReadOnlyList<string> arguments)
    {
        Assert.SkipUnless(File.Exists(Repository.ControlBinary), $"needs the native egressctl at {Repository.ControlBinary}: run packaging/build");
        string[] become = uid is null ? [] : ["setpriv", $"--reuid={uid}", $"--regid={uid}", "--clear-groups"];
        return [.. become, "env", $"DBUS_SYSTEM_BUS_ADDRESS={address}", "TZ=UTC", Repository.ControlBinary, .. arguments];
    }
}
