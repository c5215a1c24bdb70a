using System.Runtime.InteropServices;
using EgressAgent.Linux.FileDescriptors;
using EgressAgent.Linux.Interop;
using EgressAgent.Linux.Namespaces;

namespace EgressAgent.Linux.Nftables;

/// <summary>
/// nft(8)'s language for the ruleset of one network namespace, run in this process by libnftables. Any thread may call; one script
/// runs at a time in the whole process.
/// </summary>
/// <remarks>
/// A script is one transaction: all of it is in force when the call returns, or, on an exception, nothing of it. Scripts name
/// links by <c>iifname</c> and <c>oifname</c>: <c>iif</c> and <c>oif</c> would be looked up in the namespace of the calling thread.
/// </remarks>
public sealed class NftContext : IDisposable
{
    // libnftables looks up protocols by getprotobyname(3) and getprotobynumber(3), which answer in storage that all threads
    // share: of two scripts at once, one reads or writes the other's protocols.
    private static readonly Lock Gate = new();

    private readonly NftHandle _handle;
    private readonly string _netnsName;

    private NftContext(NftHandle handle, string netnsName)
    {
        _handle = handle;
        _netnsName = netnsName;
    }

    /// <summary>A context bound to <paramref name="netns"/>, which it keeps alive.</summary>
    /// <exception cref="LinuxException">The namespace cannot be entered, or memory is short.</exception>
    /// <exception cref="DllNotFoundException">libnftables is not installed.</exception>
    public static NftContext Open(NetworkNamespace netns)
    {
        LowDescriptors.DemandFree("open nftables", $"in {netns}");

        // The context's netlink socket is made here and stays in the namespace.
        var handle = new NftHandle(netns.Run(() => LibNftables.nft_ctx_new(LibNftables.NFT_CTX_DEFAULT)));
        if (handle.IsInvalid
            || LibNftables.nft_ctx_buffer_output(handle.DangerousGetHandle()) != 0
            || LibNftables.nft_ctx_buffer_error(handle.DangerousGetHandle()) != 0)
        {
            handle.Dispose();
            throw new LinuxException("open nftables", $"in {netns}", Errno.ENOMEM);
        }

        return new NftContext(handle, netns.Name);
    }

    public void Dispose()
    {
        lock (Gate)
        {
            _handle.Dispose();
        }
    }

    /// <summary>Runs a script for its effect.</summary>
    /// <exception cref="LinuxException">nft or the kernel refused; the text shows the line and marks the place in it.</exception>
    public void Run(string script) => Execute(script, NftOutput.None);

    /// <summary>Runs a script, commonly <c>list …</c>, and returns what nft prints.</summary>
    /// <inheritdoc cref="Run" path="/exception"/>
    public string RunText(string script, NftOutput output = NftOutput.None) => Execute(script, output);

    /// <summary>As <see cref="RunText"/>, in the form of libnftables-json(5).</summary>
    /// <inheritdoc cref="Run" path="/exception"/>
    public string RunJson(string script, NftOutput output = NftOutput.None) => Execute(script, output | NftOutput.Json);

    private unsafe string Execute(string script, NftOutput output)
    {
        lock (Gate)
        {
            ObjectDisposedException.ThrowIf(_handle.IsClosed, this);
            nint context = _handle.DangerousGetHandle();
            LibNftables.nft_ctx_output_set_flags(context, (uint)output);

            // Only for a file does libnftables say in which line an error is, and show that line.
            using MemoryFile file = MemoryFile.Create("nft", script);
            int result;
            using (BlockedSignals.All())
            {
                // It says EINTR of a transaction that is in force when a signal comes while it looks for another answer.
                result = LibNftables.nft_run_cmd_from_filename(context, file.Path);
            }

            // Each getter also rewinds its buffer, which grows otherwise: both are read every time.
            string printed = Read(LibNftables.nft_ctx_get_output_buffer(context));
            string error = Read(LibNftables.nft_ctx_get_error_buffer(context));
            return result == 0
                ? printed
                : throw NftError.ToException(error.Replace(file.Path, "script", StringComparison.Ordinal), _netnsName);
        }
    }

    private static unsafe string Read(byte* text) => Marshal.PtrToStringUTF8((nint)text) ?? "";
}
