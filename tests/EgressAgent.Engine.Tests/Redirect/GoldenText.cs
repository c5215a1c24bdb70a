using EgressAgent.Testing;

namespace EgressAgent.Engine.Tests.Redirect;

/// <summary>
/// Texts that are checked in, in <c>Golden/</c> beside the tests, to be read and reviewed as what they are.
/// <c>EGRESS_UPDATE_GOLDEN=1</c> writes them anew instead of comparing.
/// </summary>
internal static class GoldenText
{
    private static readonly bool IsUpdate = Environment.GetEnvironmentVariable("EGRESS_UPDATE_GOLDEN") == "1";

    public static void AssertEqual(string fileName, string actual)
    {
        string path = Repository.PathOf($"tests/EgressAgent.Engine.Tests/Redirect/Golden/{fileName}");
        if (IsUpdate)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, actual);
        }

        Assert.True(File.Exists(path), $"{path} is missing; EGRESS_UPDATE_GOLDEN=1 writes it");
        Assert.Equal(File.ReadAllText(path), actual);
    }
}
