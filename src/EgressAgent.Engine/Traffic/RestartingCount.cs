namespace EgressAgent.Engine.Traffic;

/// <summary>A count that goes on where what counts is made anew.</summary>
internal sealed class RestartingCount
{
    internal RestartingCount()
    {
    }

    internal RestartingCount(ulong before, ulong last, string since) => (Before, Last, Since) = (before, last, since);

    /// <summary>What was counted by what is not there any more.</summary>
    internal ulong Before { get; private set; }

    /// <summary>What was read last.</summary>
    internal ulong Last { get; private set; }

    internal string Since { get; private set; } = "";

    internal ulong Total => Before + Last;

    /// <param name="count">What the counter says.</param>
    /// <param name="since">Another one when it was made anew. One that says less than before was, too.</param>
    internal void Read(ulong count, string since)
    {
        if (count < Last || since != Since)
        {
            Before += Last;
        }

        (Last, Since) = (count, since);
    }
}
