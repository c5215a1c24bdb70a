using System.Runtime.InteropServices;

namespace EgressAgent.Linux.Interop;

internal static partial class LibC
{
    // uid_t geteuid(void);
    [LibraryImport(Library)]
    internal static partial uint geteuid();
}
