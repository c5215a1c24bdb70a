using System.Runtime.InteropServices;
using System.Runtime.InteropServices.Marshalling;
using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Bus;

/// <summary>
/// Object paths that carry arbitrary text: bytes that a path element may not hold are written as <c>_xx</c> (sd_bus_path_encode(3)).
/// </summary>
public static unsafe class BusPath
{
    /// <summary>
    /// Appends one element for each label: <c>/a/router</c>, <c>default</c>, <c>web-1</c> → <c>/a/router/default/web_2d1</c>.
    /// </summary>
    /// <exception cref="LinuxException">EINVAL: <paramref name="prefix"/> is not an object path.</exception>
    public static string Encode(string prefix, params ReadOnlySpan<string> labels)
    {
        string path = prefix;
        foreach (string label in labels)
        {
            LibSystemd.Check(LibSystemd.sd_bus_path_encode(path, label, out byte* encoded), "encode object path", $"{path} + {label}");
            path = Utf8StringMarshaller.ConvertToManaged(encoded)!;
            NativeMemory.Free(encoded);
        }

        return path;
    }
}
