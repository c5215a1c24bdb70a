using System.Runtime.InteropServices;

namespace EgressAgent.Linux;

/// <summary>An error number of the kernel or the C library (errno(3)); 0 is success.</summary>
/// <param name="Value">The positive number.</param>
public readonly partial record struct Errno(int Value)
{
    /// <summary>What errno(3) holds for this thread; valid right after a failed P/Invoke that sets the last error.</summary>
    public static Errno Last => new(Marshal.GetLastPInvokeError());

    public bool IsSuccess => Value == 0;

    /// <summary>What strerror(3) says: <c>No such device</c>.</summary>
    public string Message => Marshal.GetPInvokeErrorMessage(Value);

    /// <summary>The symbolic name, such as <c>ENODEV</c>, or the number where it has no name here.</summary>
    public override string ToString() => Name(this) ?? Value.ToString();
}
