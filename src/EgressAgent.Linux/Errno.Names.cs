namespace EgressAgent.Linux;

// Numbers of asm-generic/errno-base.h and errno.h, which x86-64, arm64 and riscv64 share.
public readonly partial record struct Errno
{
    public static readonly Errno Success = new(0);
    public static readonly Errno EPERM = new(1);
    public static readonly Errno ENOENT = new(2);
    public static readonly Errno ESRCH = new(3);
    public static readonly Errno EINTR = new(4);
    public static readonly Errno EIO = new(5);
    public static readonly Errno EBADF = new(9);
    public static readonly Errno EAGAIN = new(11);
    public static readonly Errno ENOMEM = new(12);
    public static readonly Errno EACCES = new(13);
    public static readonly Errno EBUSY = new(16);
    public static readonly Errno EEXIST = new(17);
    public static readonly Errno ENODEV = new(19);
    public static readonly Errno ENOTDIR = new(20);
    public static readonly Errno EISDIR = new(21);
    public static readonly Errno EINVAL = new(22);
    public static readonly Errno ENFILE = new(23);
    public static readonly Errno EMFILE = new(24);
    public static readonly Errno ENOSPC = new(28);
    public static readonly Errno EROFS = new(30);
    public static readonly Errno EPIPE = new(32);
    public static readonly Errno ERANGE = new(34);
    public static readonly Errno ENAMETOOLONG = new(36);
    public static readonly Errno ENOSYS = new(38);
    public static readonly Errno ELOOP = new(40);
    public static readonly Errno EBADMSG = new(74);
    public static readonly Errno EMSGSIZE = new(90);
    public static readonly Errno EPROTONOSUPPORT = new(93);
    public static readonly Errno EOPNOTSUPP = new(95);
    public static readonly Errno EAFNOSUPPORT = new(97);
    public static readonly Errno EADDRINUSE = new(98);
    public static readonly Errno EADDRNOTAVAIL = new(99);
    public static readonly Errno ENETDOWN = new(100);
    public static readonly Errno ENETUNREACH = new(101);
    public static readonly Errno ECONNABORTED = new(103);
    public static readonly Errno ECONNRESET = new(104);
    public static readonly Errno ENOBUFS = new(105);
    public static readonly Errno ENOTCONN = new(107);
    public static readonly Errno ETIMEDOUT = new(110);
    public static readonly Errno ECONNREFUSED = new(111);
    public static readonly Errno EHOSTUNREACH = new(113);
    public static readonly Errno EALREADY = new(114);
    public static readonly Errno EINPROGRESS = new(115);

    private static string? Name(Errno errno) => errno.Value switch
    {
        0 => nameof(Success),
        1 => nameof(EPERM),
        2 => nameof(ENOENT),
        3 => nameof(ESRCH),
        4 => nameof(EINTR),
        5 => nameof(EIO),
        9 => nameof(EBADF),
        11 => nameof(EAGAIN),
        12 => nameof(ENOMEM),
        13 => nameof(EACCES),
        16 => nameof(EBUSY),
        17 => nameof(EEXIST),
        19 => nameof(ENODEV),
        20 => nameof(ENOTDIR),
        21 => nameof(EISDIR),
        22 => nameof(EINVAL),
        23 => nameof(ENFILE),
        24 => nameof(EMFILE),
        28 => nameof(ENOSPC),
        30 => nameof(EROFS),
        32 => nameof(EPIPE),
        34 => nameof(ERANGE),
        36 => nameof(ENAMETOOLONG),
        38 => nameof(ENOSYS),
        40 => nameof(ELOOP),
        74 => nameof(EBADMSG),
        90 => nameof(EMSGSIZE),
        93 => nameof(EPROTONOSUPPORT),
        95 => nameof(EOPNOTSUPP),
        97 => nameof(EAFNOSUPPORT),
        98 => nameof(EADDRINUSE),
        99 => nameof(EADDRNOTAVAIL),
        100 => nameof(ENETDOWN),
        101 => nameof(ENETUNREACH),
        103 => nameof(ECONNABORTED),
        104 => nameof(ECONNRESET),
        105 => nameof(ENOBUFS),
        107 => nameof(ENOTCONN),
        110 => nameof(ETIMEDOUT),
        111 => nameof(ECONNREFUSED),
        113 => nameof(EHOSTUNREACH),
        114 => nameof(EALREADY),
        115 => nameof(EINPROGRESS),
        _ => null,
    };
}
