namespace EgressAgent.Testing.Lab;

/// <summary>A network namespace by its name, as an administrator changes it.</summary>
public static class NamedNetns
{
    private const string SecondStepFailed = "Cannot remove namespace file";

    /// <summary>
    /// <c>ip netns delete</c>, beside an agent that may repair it at once: <c>ip</c> unmounts the name and removes its file then, which is
    /// busy or gone where the agent was between the two steps.
    /// </summary>
    /// <exception cref="InvalidOperationException">The command failed in another way.</exception>
    public static void Delete(string name)
    {
        CommandResult result = Command.Run("ip", "netns", "delete", name);
        if (result.ExitCode != 0 && !result.Errors.Contains(SecondStepFailed, StringComparison.Ordinal))
        {
            throw new InvalidOperationException(result.ToString());
        }
    }
}
