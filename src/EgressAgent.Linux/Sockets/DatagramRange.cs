namespace EgressAgent.Linux.Sockets;

/// <summary>Messages of a <see cref="DatagramBatch"/> that are still to be sent, all of them to one place.</summary>
public struct DatagramRange
{
    /// <param name="first">The first message.</param>
    /// <param name="count">How many there are.</param>
    public DatagramRange(int first, int count)
    {
        Index = first;
        End = first + count;
    }

    /// <summary>Whether all is sent.</summary>
    public readonly bool IsEmpty => Index == End;

    /// <summary>The message that is next, of which <see cref="Offset"/> bytes are sent.</summary>
    internal int Index { get; set; }

    internal int Offset { get; set; }

    internal int End { get; }
}
