namespace EgressAgent.Model.Status;

/// <summary>Who was behind a <see cref="FlowSource"/> at a time.</summary>
/// <param name="Flows">Those that were there at that time, or within <see cref="Tolerance"/> of it, by their beginning.</param>
/// <param name="Nearest">Where there are none: the last one before and the first one after, as far as there are any.</param>
/// <param name="Notes">What one has to know of it, in sentences: what is missing, and why nothing was found.</param>
public sealed record FlowFinding(ValueList<FoundFlow> Flows, ValueList<FoundFlow> Nearest, ValueList<string> Notes)
{
    /// <summary>Logs of others have whole seconds, and their own clock.</summary>
    public static readonly TimeSpan Tolerance = TimeSpan.FromSeconds(1);
}
