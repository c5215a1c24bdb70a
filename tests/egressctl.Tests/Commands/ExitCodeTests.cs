using EgressAgent.Testing;

namespace EgressAgent.Control.Tests.Commands;

/// <summary>The program as it was built beside the tests, where there is no bus.</summary>
public sealed class ExitCodeTests
{
    private static readonly string Assembly = Path.Combine(AppContext.BaseDirectory, "egressctl.dll");

    [Theory]
    [InlineData(3, "status")]
    [InlineData(3, "show", "web")]
    [InlineData(3, "services")]
    [InlineData(3, "services", "--json")]
    [InlineData(2, "services", "web")]
    [InlineData(3, "flows")]
    [InlineData(3, "reload", "--json")]
    [InlineData(2, "status", "--check")]
    [InlineData(2, "show")]
    [InlineData(2, "show", "a/b/c")]
    [InlineData(2, "get", "web", "-o", "xml")]
    [InlineData(3, "who", "192.168.12.99:41022/tcp")]
    [InlineData(3, "who", "[2001:db8::99]:41022/udp", "--at", "2026-11-28T14:03:07.5+01:00", "--json")]
    [InlineData(2, "who")]
    [InlineData(2, "who", "192.168.12.99:41022")]
    [InlineData(2, "who", "192.168.12.99:41022/tcp", "--at", "11/28/2026")]
    [InlineData(2, "who", "192.168.12.99:41022/tcp", "--at", "1969-12-31T00:00:00Z")]
    [InlineData(0, "who", "--help")]
    [InlineData(2, "nonsense")]
    [InlineData(3, "status", "--check", "nonsense")]
    [InlineData(0, "--version")]
    [InlineData(0, "explain", "--help")]
    public void Exit_code_is_as_documented(int expected, params string[] arguments)
    {
        CommandResult result = Run(arguments);

        Assert.True(result.ExitCode == expected, result.ToString());
        Assert.DoesNotContain("   at ", result.Errors);
    }

    [Fact]
    public void Missing_bus_is_told() =>
        Assert.Equal("egressctl: no agent can be asked: connect to D-Bus unix:path=/nowhere: ENOENT (No such file or directory)\n", Run("status").Errors);

    [Fact]
    public void Output_in_a_file_is_not_written_over_by_the_next_program()
    {
        string file = Path.GetTempFileName();
        try
        {
            Command.Check("sh", "-c", $"{{ DBUS_SYSTEM_BUS_ADDRESS=unix:path=/nowhere dotnet {Assembly} status --check; echo after; }} >{file}");

            Assert.Equal("CRITICAL: connect to D-Bus unix:path=/nowhere: ENOENT (No such file or directory)\nafter\n", File.ReadAllText(file));
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void Completion_knows_commands_and_options_and_takes_no_bus_for_none()
    {
        Assert.Contains("explain\n", Run("[suggest:10]", "egressctl ").Output);
        Assert.Contains("services\n", Run("[suggest:12]", "egressctl se").Output);
        Assert.Contains("--from\n", Run("[suggest:23]", "egressctl explain web -").Output);
        Assert.Contains("--at\n", Run("[suggest:15]", "egressctl who --").Output);
        Assert.Equal(0, Run("[suggest:14]", "egressctl who ").ExitCode);
        Assert.Equal(0, Run("[suggest:15]", "egressctl show ").ExitCode);
    }

    private static CommandResult Run(params string[] arguments) =>
        Command.Run(["env", "DBUS_SYSTEM_BUS_ADDRESS=unix:path=/nowhere", "dotnet", Assembly, .. arguments]);
}
