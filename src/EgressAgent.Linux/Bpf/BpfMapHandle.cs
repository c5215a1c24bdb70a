using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Bpf;

/// <summary>A BPF map; it lives while a descriptor or a loaded program refers to it.</summary>
internal sealed unsafe class BpfMapHandle : FileHandle
{
    private readonly int _keySize;
    private readonly int _valueSize;

    private BpfMapHandle(int descriptor, int keySize, int valueSize)
        : base(descriptor)
    {
        _keySize = keySize;
        _valueSize = valueSize;
    }

    /// <exception cref="LinuxException">The kernel does not know the type, or lacks memory or permission.</exception>
    internal static BpfMapHandle Create(BpfMapType type, int keySize, int valueSize, int capacity, uint flags = 0, string name = "")
    {
        // struct { __u32 map_type, key_size, value_size, max_entries, map_flags, inner_map_fd, numa_node; char map_name[16]; }
        // of union bpf_attr.
        const int nameOffset = 7;
        const int size = (nameOffset * sizeof(uint)) + BpfObjects.NameSize;
        uint* attributes = stackalloc uint[size / sizeof(uint)] { (uint)type, (uint)keySize, (uint)valueSize, (uint)capacity, flags, 0, 0, 0, 0, 0, 0 };
        BpfObjects.WriteName(name, new Span<byte>(attributes + nameOffset, BpfObjects.NameSize));
        int descriptor = LibC.bpf(LibC.BPF_MAP_CREATE, attributes, size);
        return descriptor >= 0
            ? new BpfMapHandle(descriptor, keySize, valueSize)
            : throw new LinuxException("create BPF map", type.ToString(), Errno.Last);
    }

    /// <summary>The map of a name that is in the kernel already, else a new one.</summary>
    /// <exception cref="LinuxException">As <see cref="Create"/>.</exception>
    internal static BpfMapHandle FindOrCreate(BpfMapType type, int keySize, int valueSize, int capacity, uint flags, string name)
    {
        List<FileHandle> found = BpfObjects.FindMaps(name);
        if (found.Count == 0)
        {
            return Create(type, keySize, valueSize, capacity, flags, name);
        }

        found.Skip(1).ToList().ForEach(other => other.Dispose());
        var map = new BpfMapHandle(found[0].Descriptor, keySize, valueSize);
        found[0].SetHandleAsInvalid();
        return map;
    }

    /// <summary>Adds or replaces an entry.</summary>
    /// <exception cref="LinuxException">The map is full or the kernel refuses the value.</exception>
    internal void Set(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        Errno errno = Execute(LibC.BPF_MAP_UPDATE_ELEM, key, value);
        if (!errno.IsSuccess)
        {
            throw new LinuxException("update BPF map", "", errno);
        }
    }

    /// <summary>Reads an entry that is there.</summary>
    /// <exception cref="LinuxException">There is none.</exception>
    internal void Get(ReadOnlySpan<byte> key, Span<byte> value)
    {
        Errno errno = Execute(LibC.BPF_MAP_LOOKUP_ELEM, key, value);
        if (!errno.IsSuccess)
        {
            throw new LinuxException("read BPF map", "", errno);
        }
    }

    /// <summary>Whether there is an entry.</summary>
    internal bool Has(ReadOnlySpan<byte> key) => Execute(LibC.BPF_MAP_LOOKUP_ELEM, key, new byte[_valueSize]) is var errno && (errno.IsSuccess
        || (errno == Errno.ENOENT ? false : throw new LinuxException("read BPF map", "", errno)));

    /// <summary>Removes an entry; that there is none is fine.</summary>
    internal void Remove(ReadOnlySpan<byte> key)
    {
        Errno errno = Execute(LibC.BPF_MAP_DELETE_ELEM, key, null);
        if (!errno.IsSuccess && errno != Errno.ENOENT)
        {
            throw new LinuxException("remove from BPF map", "", errno);
        }
    }

    /// <summary>Removes all entries.</summary>
    internal void Clear()
    {
        byte[] key = new byte[_keySize];
        while (TryGetFirst(key))
        {
            Remove(key);
        }
    }

    private bool TryGetFirst(byte[] key)
    {
        fixed (byte* pointer = key)
        {
            var entry = new Entry { Map = (uint)Descriptor, Value = (ulong)pointer };
            if (LibC.bpf(LibC.BPF_MAP_GET_NEXT_KEY, &entry, sizeof(Entry)) == 0)
            {
                return true;
            }
        }

        return Errno.Last is var errno && errno == Errno.ENOENT ? false : throw new LinuxException("list BPF map", "", errno);
    }

    // A deletion has no value.
    private Errno Execute(int command, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(key.Length, _keySize);
        if (command != LibC.BPF_MAP_DELETE_ELEM)
        {
            ArgumentOutOfRangeException.ThrowIfNotEqual(value.Length, _valueSize);
        }

        fixed (byte* keyPointer = key, valuePointer = value)
        {
            var entry = new Entry { Map = (uint)Descriptor, Key = (ulong)keyPointer, Value = (ulong)valuePointer };
            return LibC.bpf(command, &entry, sizeof(Entry)) < 0 ? Errno.Last : Errno.Success;
        }
    }

    // struct { __u32 map_fd; __aligned_u64 key; __aligned_u64 value; __u64 flags; } of union bpf_attr.
    private struct Entry
    {
        internal ulong Map;
        internal ulong Key;
        internal ulong Value;
        internal ulong Flags;
    }
}

/// <summary>enum bpf_map_type, linux/bpf.h.</summary>
internal enum BpfMapType : uint
{
    Hash = 1,
    Array = 2,
    LpmTrie = 11,
    SocketMap = 15,
}
