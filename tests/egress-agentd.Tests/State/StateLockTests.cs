using EgressAgent.Daemon.State;
using EgressAgent.Daemon.Tests.Support;

namespace EgressAgent.Daemon.Tests.State;

public sealed class StateLockTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    [Fact]
    public void Directory_that_another_one_has_is_refused_and_the_holder_named()
    {
        using (StateLock.Take(_directory.Path))
        {
            string refusal = Assert.Throws<StateInUseException>(() => StateLock.Take(_directory.Path)).Message;
            Assert.StartsWith($"{_directory.Path} is in use by process {Environment.ProcessId} (", refusal);
            Assert.EndsWith($"first stop it: systemctl stop egress-agentd (or: kill {Environment.ProcessId})", refusal);
        }

        StateLock.Take(_directory.Path).Dispose();
    }

    [Fact]
    public void Directory_that_is_not_there_keeps_nobody_out()
    {
        using var first = StateLock.Take(_directory["missing"]);
        using var second = StateLock.Take(_directory["missing"]);

        Assert.False(Directory.Exists(_directory["missing"]));
    }

    public void Dispose() => _directory.Dispose();
}
