using System.Diagnostics;
using EgressAgent.Linux.Interop;
using EgressAgent.Linux.Journal;

namespace EgressAgent.Linux.Tests.Journal;

public sealed class JournalStreamTests
{
    [Fact]
    public void IsStream_deviceAndInodeOfTheFile_isTrue()
    {
        using FileStream file = File.OpenRead("/dev/null");
        int descriptor = (int)file.SafeFileHandle.DangerousGetHandle();
        using Process stat = Process.Start(new ProcessStartInfo("stat", ["--format=%d:%i", "--dereference", "/dev/null"])
        {
            RedirectStandardOutput = true,
        })!;
        string variable = stat.StandardOutput.ReadToEnd().Trim();

        Assert.True(JournalStream.IsStream(variable, descriptor));
        Assert.False(JournalStream.IsStream(variable + "0", descriptor));
        Assert.False(JournalStream.IsStream("1" + variable, descriptor));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("8")]
    [InlineData("8:x")]
    [InlineData("8:1:2")]
    public void IsStream_malformed_isFalse(string? variable) => Assert.False(JournalStream.IsStream(variable, 2));

    [Fact]
    public void IsStream_closedDescriptor_isFalse() => Assert.False(JournalStream.IsStream("8:1", new FileHandle().Descriptor));
}
