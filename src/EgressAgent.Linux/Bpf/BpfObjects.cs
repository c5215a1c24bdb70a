using System.Runtime.InteropServices;
using System.Text;
using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Bpf;

/// <summary>Finds programs and maps that are in the kernel, by the ids that it gave them: whoever is root may. Ids are not used again soon.</summary>
internal static unsafe class BpfObjects
{
    /// <summary>BPF_OBJ_NAME_LEN, the zero at the end included.</summary>
    internal const int NameSize = 16;

    private const int MaxMapsOfProgram = 8;

    /// <summary>The descriptors of all maps of a name, in the order of their ids.</summary>
    /// <exception cref="LinuxException">Not permitted, or no descriptor is left.</exception>
    internal static List<FileHandle> FindMaps(string name)
    {
        List<FileHandle> found = [];
        try
        {
            for (uint id = 0; NextMap(ref id);)
            {
                if (TryOpen(LibC.BPF_MAP_GET_FD_BY_ID, id) is not { } map)
                {
                    continue;
                }

                MapInfo info = default;
                ReadInfo(map, &info, sizeof(MapInfo));
                if (ReadName(new ReadOnlySpan<byte>(info.Name, NameSize)) == name)
                {
                    found.Add(map);
                }
                else
                {
                    map.Dispose();
                }
            }
        }
        catch
        {
            found.ForEach(map => map.Dispose());
            throw;
        }

        return found;
    }

    internal static uint IdOfMap(FileHandle map)
    {
        MapInfo info = default;
        ReadInfo(map, &info, sizeof(MapInfo));
        return info.Id;
    }

    /// <summary>What a program is: two of the same instructions and maps are equal, whenever they were loaded.</summary>
    internal static ProgramIdentity Identify(FileHandle program)
    {
        uint* maps = stackalloc uint[MaxMapsOfProgram];
        ProgramInfo info = new() { MapCount = MaxMapsOfProgram, Maps = (ulong)maps };
        ReadInfo(program, &info, sizeof(ProgramInfo));
        uint[] ids = [.. new ReadOnlySpan<uint>(maps, (int)Math.Min(info.MapCount, MaxMapsOfProgram))];
        Array.Sort(ids);
        return new ProgramIdentity(info.Id, $"{info.Tag:x16} {string.Join(' ', ids)}");
    }

    /// <summary>As <see cref="Identify(FileHandle)"/>; null when there is none of this id.</summary>
    /// <exception cref="LinuxException">Not permitted, or no descriptor is left.</exception>
    internal static ProgramIdentity? Identify(uint programId)
    {
        using FileHandle? program = TryOpen(LibC.BPF_PROG_GET_FD_BY_ID, programId);
        return program is null ? null : Identify(program);
    }

    internal static void WriteName(string name, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(name.Length, NameSize);
        Encoding.ASCII.GetBytes(name, destination);
    }

    private static string ReadName(ReadOnlySpan<byte> bytes) => Encoding.ASCII.GetString(bytes[..Math.Max(0, bytes.IndexOf((byte)0))]);

    // False when there is none after it.
    private static bool NextMap(ref uint id)
    {
        // struct { __u32 start_id, next_id, open_flags; } of union bpf_attr.
        uint* attributes = stackalloc uint[] { id, 0, 0 };
        if (LibC.bpf(LibC.BPF_MAP_GET_NEXT_ID, attributes, 3 * sizeof(uint)) < 0)
        {
            Errno errno = Errno.Last;
            return errno == Errno.ENOENT ? false : throw new LinuxException("list BPF maps", "", errno);
        }

        id = attributes[1];
        return true;
    }

    // Null when it is gone.
    private static FileHandle? TryOpen(int command, uint id)
    {
        uint* attributes = stackalloc uint[] { id, 0, 0 };
        int descriptor = LibC.bpf(command, attributes, 3 * sizeof(uint));
        if (descriptor >= 0)
        {
            return new FileHandle(descriptor);
        }

        Errno errno = Errno.Last;
        return errno == Errno.ENOENT ? null : throw new LinuxException("open BPF object", $"with id {id}", errno);
    }

    private static void ReadInfo(FileHandle handle, void* info, int size)
    {
        var attributes = new InfoAttributes { Descriptor = (uint)handle.Descriptor, Size = (uint)size, Info = (ulong)info };
        if (LibC.bpf(LibC.BPF_OBJ_GET_INFO_BY_FD, &attributes, sizeof(InfoAttributes)) < 0)
        {
            throw new LinuxException("read BPF object", "", Errno.Last);
        }
    }

    // struct { __u32 bpf_fd, info_len; __aligned_u64 info; } info of union bpf_attr.
    private struct InfoAttributes
    {
        internal uint Descriptor;
        internal uint Size;
        internal ulong Info;
    }

    // The beginning of struct bpf_map_info, linux/bpf.h.
    [StructLayout(LayoutKind.Explicit, Size = 40)]
    private struct MapInfo
    {
        [FieldOffset(4)]
        internal uint Id;

        [FieldOffset(24)]
        internal fixed byte Name[NameSize];
    }

    // The beginning of struct bpf_prog_info, linux/bpf.h.
    [StructLayout(LayoutKind.Explicit, Size = 80)]
    private struct ProgramInfo
    {
        [FieldOffset(4)]
        internal uint Id;

        [FieldOffset(8)]
        internal ulong Tag;

        [FieldOffset(52)]
        internal uint MapCount;

        [FieldOffset(56)]
        internal ulong Maps;
    }
}

/// <summary>A program that the kernel has.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Content">What it does, and with which maps.</param>
internal readonly record struct ProgramIdentity(uint Id, string Content);
