namespace EgressAgent.Linux.Tests.Support;

/// <summary>What a test needs from the machine; without it the test is skipped, with the reason.</summary>
internal static class Requires
{
    public static void Root()
    {
        if (!Environment.IsPrivilegedProcess)
        {
            Assert.Skip("needs root: it makes network namespaces");
        }
    }
}
