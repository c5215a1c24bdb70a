using System.Runtime.InteropServices;

namespace EgressAgent.Linux.Interop;

/// <summary>libnftables (nftables/libnftables.h, libnftables(3)).</summary>
internal static partial class LibNftables
{
    internal const uint NFT_CTX_DEFAULT = 0;

    private const string Library = "libnftables.so.1";

    // struct nft_ctx *nft_ctx_new(uint32_t flags);
    [LibraryImport(Library)]
    internal static partial nint nft_ctx_new(uint flags);

    // void nft_ctx_free(struct nft_ctx *ctx);
    [LibraryImport(Library)]
    internal static partial void nft_ctx_free(nint ctx);

    // int nft_ctx_buffer_output(struct nft_ctx *ctx);
    [LibraryImport(Library)]
    internal static partial int nft_ctx_buffer_output(nint ctx);

    // int nft_ctx_buffer_error(struct nft_ctx *ctx);
    [LibraryImport(Library)]
    internal static partial int nft_ctx_buffer_error(nint ctx);

    // const char *nft_ctx_get_output_buffer(struct nft_ctx *ctx);
    [LibraryImport(Library)]
    internal static unsafe partial byte* nft_ctx_get_output_buffer(nint ctx);

    // const char *nft_ctx_get_error_buffer(struct nft_ctx *ctx);
    [LibraryImport(Library)]
    internal static unsafe partial byte* nft_ctx_get_error_buffer(nint ctx);

    // void nft_ctx_output_set_flags(struct nft_ctx *ctx, unsigned int flags);
    [LibraryImport(Library)]
    internal static partial void nft_ctx_output_set_flags(nint ctx, uint flags);

    // int nft_run_cmd_from_filename(struct nft_ctx *nft, const char *filename);
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int nft_run_cmd_from_filename(nint nft, string filename);
}
