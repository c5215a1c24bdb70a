namespace EgressAgent.Linux.Tests;

public sealed class MachineIdTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Theory]
    [InlineData("0123456789abcdef0123456789abcdef\n", "0123456789abcdef0123456789abcdef")]
    [InlineData("0123456789abcdef0123456789abcdef", "0123456789abcdef0123456789abcdef")]
    [InlineData("uninitialized\n", null)]
    [InlineData("", null)]
    [InlineData("0123456789ABCDEF0123456789ABCDEF\n", null)]
    public void Content_is_an_id_or_none(string content, string? expected)
    {
        File.WriteAllText(_path, content);

        Assert.Equal(expected, MachineId.Read(_path));
    }

    [Fact]
    public void Missing_file_is_none() => Assert.Null(MachineId.Read(_path + ".absent"));
}
