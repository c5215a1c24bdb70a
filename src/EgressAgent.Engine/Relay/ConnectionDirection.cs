using EgressAgent.Linux.Sockets;

namespace EgressAgent.Engine.Relay;

/// <summary>
/// One direction of a connection: what is on its way from the source's socket to the sink's. It holds bytes either in a buffer
/// (copied by read and write, cheapest for small messages) or in a pipe (spliced, cheapest for streams of TCP), and only while
/// the sink does not take them.
/// </summary>
internal unsafe struct ConnectionDirection
{
    internal SplicePipe? Pipe;
    internal byte* Buffer;
    internal int BufferOffset;

    /// <summary>Bytes in the pipe or in the buffer.</summary>
    internal int Held;

    /// <summary>Bytes that the sink has taken.</summary>
    internal long Bytes;

    /// <summary>The source may have something to read; false after it said that it has not, until its next event.</summary>
    internal bool IsReadable;

    /// <summary>The sink may take something; false after it said that it does not, until its next event.</summary>
    internal bool IsWritable;

    /// <summary>The source's FIN is among what there is to read, so that a short read does not mean that all is read.</summary>
    internal bool IsEnding;

    /// <summary>
    /// The source's FIN and nothing worse was there before what is read next, so that after a short read there is only the FIN.
    /// </summary>
    internal bool IsEndSeen;

    /// <summary>
    /// There is urgent data among what there is to read: a read ends before it, so that a short one does not mean that all is read, and a
    /// splice does not pass it at all.
    /// </summary>
    internal bool IsUrgent;

    /// <summary>The source's FIN has been read.</summary>
    internal bool IsEnded;

    /// <summary>The FIN has been passed on, after everything else.</summary>
    internal bool IsFinished;

    /// <summary>A stream rather than single messages, so splice.</summary>
    internal bool IsStreaming;
}
