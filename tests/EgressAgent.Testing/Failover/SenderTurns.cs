namespace EgressAgent.Testing.Failover;

/// <summary>Who spoke for an address one after the other, by the times of the frames.</summary>
/// <param name="Turns">Runs of frames of one node each.</param>
public sealed record SenderTurns(IReadOnlyList<SenderTurn> Turns)
{
    public static SenderTurns Of(IEnumerable<SentFrame> frames)
    {
        List<SenderTurn> turns = [];
        foreach (SentFrame frame in frames.OrderBy(frame => frame.Nanoseconds))
        {
            if (turns is [.., var last] && last.Node == frame.Node)
            {
                turns[^1] = last with { End = frame.Nanoseconds };
            }
            else
            {
                turns.Add(new SenderTurn(frame.Node, frame.Nanoseconds, frame.Nanoseconds));
            }
        }

        return new SenderTurns(turns);
    }

    /// <summary>
    /// The turns that show two senders: a node that spoke before speaks again less than a fence after another one began. What falls back
    /// that soon cannot have been agreed about.
    /// </summary>
    public IEnumerable<SenderTurn> Overlaps(long fenceNanoseconds) => Turns.Where((turn, place) => place >= 2
        && turn.Begin - Turns[place - 1].Begin < fenceNanoseconds && Turns.Take(place - 1).Any(earlier => earlier.Node == turn.Node));

    public override string ToString() => string.Join(", ", Turns);
}

/// <param name="Node">Who spoke.</param>
/// <param name="Begin">Of the first frame, in nanoseconds.</param>
/// <param name="End">Of the last frame, in nanoseconds.</param>
public readonly record struct SenderTurn(int Node, long Begin, long End)
{
    public override string ToString() => $"n{Node} for {(End - Begin) / 1_000_000} ms from {Begin / 1_000_000}";
}
