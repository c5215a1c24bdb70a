using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Bpf;

/// <summary>A loaded program of <see cref="EgressDeadline"/>; once attached it lives without this.</summary>
public sealed class EgressProgram : IDisposable
{
    private readonly string _content;

    internal EgressProgram(FileHandle handle, ProgramIdentity identity) => (Handle, Id, _content) = (handle, identity.Id, identity.Content);

    /// <summary>The number that the kernel gave it.</summary>
    public uint Id { get; }

    internal FileHandle Handle { get; }

    /// <summary>Whether another program, loaded by whatever process, does the same with the same maps.</summary>
    /// <exception cref="LinuxException">Not permitted, or no descriptor is left.</exception>
    public bool IsSameAs(uint programId) => programId == Id || BpfObjects.Identify(programId)?.Content == _content;

    public void Dispose() => Handle.Dispose();
}
