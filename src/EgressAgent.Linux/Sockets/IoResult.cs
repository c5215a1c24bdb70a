namespace EgressAgent.Linux.Sockets;

/// <summary>
/// The outcome of a system call on a non-blocking descriptor: a count (or a descriptor), or an error number. It allocates
/// nothing, since "would block" is an everyday result.
/// </summary>
public readonly record struct IoResult
{
    private readonly int _value;

    private IoResult(int value) => _value = value;

    public bool IsError => _value < 0;

    /// <summary>Bytes, messages or the new descriptor. Only when <see cref="IsError"/> is false.</summary>
    public int Value => _value;

    /// <summary><see cref="Errno.Success"/> when <see cref="IsError"/> is false.</summary>
    public Errno Errno => _value < 0 ? new Errno(-_value) : Errno.Success;

    /// <summary>EAGAIN: wait for the descriptor's next event.</summary>
    public bool WouldBlock => _value == -11;

    /// <summary>Out of descriptors or of socket memory: EMFILE, ENFILE, ENOBUFS or ENOMEM.</summary>
    public bool IsExhausted => _value is -24 or -23 or -105 or -12;

    public static IoResult Success(int value) => new(value);

    public static IoResult Failure(Errno errno) => new(-errno.Value);

    /// <summary>Reads errno when <paramref name="returned"/> is negative, so it belongs right after the call.</summary>
    internal static IoResult From(nint returned) => returned >= 0 ? new((int)returned) : Failure(Errno.Last);
}
