using System.Runtime;
using System.Runtime.InteropServices;
using System.Text;
using EgressAgent.Linux;

namespace EgressAgent.Testing;

/// <summary>
/// Lets a system call fail by which code acquires something from the kernel: opens a file, makes a socket, sends a netlink request. The
/// code runs on a thread under a seccomp(2) filter, and this process answers for the kernel (seccomp_unotify(2)).
/// </summary>
public static unsafe partial class SystemCallFaults
{
    private const int SECCOMP_SET_MODE_FILTER = 1;
    private const int SECCOMP_FILTER_FLAG_NEW_LISTENER = 8;
    private const uint SECCOMP_RET_ALLOW = 0x7fff0000;
    private const uint SECCOMP_RET_USER_NOTIF = 0x7fc00000;
    private const uint SECCOMP_USER_NOTIF_FLAG_CONTINUE = 1;
    private const nuint SECCOMP_IOCTL_NOTIF_RECV = 0xc0502100;
    private const nuint SECCOMP_IOCTL_NOTIF_SEND = 0xc0182101;
    private const ushort BPF_LD_W_ABS = 0x20;
    private const ushort BPF_JEQ_K = 0x15;
    private const ushort BPF_RET_K = 0x06;
    private const ulong SOCK_CLOEXEC = 0x80000;
    private const int EPOLL_CTL_DEL = 2;
    private const int BPF_MAP_DELETE_ELEM = 3;
    private const ulong O_NONBLOCK = 0x800;
    private const int F_GETFD = 1;
    private const int FD_CLOEXEC = 1;

    private static readonly bool IsX64 = RuntimeInformation.ProcessArchitecture == Architecture.X64;
    private static readonly int Seccomp = IsX64 ? 317 : 277;
    private static readonly int OpenAt = IsX64 ? 257 : 56;
    private static readonly int Socket = IsX64 ? 41 : 198;

    private static readonly int EpollCtl = IsX64 ? 233 : 21;
    private static readonly int Pipe = IsX64 ? 293 : 59;
    private static readonly int Bpf = IsX64 ? 321 : 280;

    // sendto, sendmsg, bind, listen, setsockopt, epoll_ctl.
    private static readonly int[] OnDescriptors = IsX64 ? [44, 46, 49, 50, 54, EpollCtl] : [206, 211, 200, 201, 208, EpollCtl];

    // epoll_create1, eventfd2, timerfd_create, pipe2, bpf.
    private static readonly int[] OfLoops = IsX64 ? [291, 290, 283, Pipe, Bpf] : [20, 19, 85, Pipe, Bpf];

    // memfd_create, unshare, mount, mknodat, mknod (which newer architectures lack).
    private static readonly int[] Others = IsX64 ? [319, 272, 165, 259, 133] : [279, 97, 40, 33];

    // inotify_init1, inotify_add_watch, pwrite64, fsync, ftruncate.
    private static readonly int[] OnFiles = IsX64 ? [294, 254, 18, 74, 77] : [26, 27, 68, 82, 46];

    // Of what is opened on the thread, the runtime's own files are left alone.
    private static readonly byte[][] KernelPaths = Encode("/run/netns", "/proc/sys/net/", "/proc/thread-self/ns", "/proc/self/ns", "/proc/self/fd/", "/\0");

    private static readonly Lock Gate = new();
    private static readonly Thread Worker = new(Work) { IsBackground = true, Name = "faulty" };
    private static readonly SemaphoreSlim Given = new(0);
    private static readonly SemaphoreSlim Finished = new(0);
    private static readonly TaskCompletionSource<int> Listener = new();
    private static Action? _action;
    private static Exception? _failure;
    private static volatile int _countdown;
    private static volatile int _calls;
    private static volatile int _refused;
    private static volatile int _errno;
    private static volatile bool _isArmed;
    private static volatile byte[][] _paths = KernelPaths;

    // Threads inherit the filter, and the supervisor must not have it.
    static SystemCallFaults()
    {
        new Thread(() => Answer(Listener.Task.Result)) { IsBackground = true, Name = "fault-supervisor" }.Start();
        Worker.Start();
    }

    /// <summary>Whether it was a call of epoll or BPF that failed in the last run.</summary>
    public static bool HasRefusedEpollOrBpf => _refused == EpollCtl || _refused == Bpf;

    /// <summary>Runs the action; its n-th system call of those fails.</summary>
    /// <param name="nth">From 1; none fails when it is beyond the last.</param>
    /// <param name="errno">As what.</param>
    /// <param name="action">What it throws is thrown on.</param>
    /// <param name="directory">Below which files count when they are opened; by default those by which the kernel is asked.</param>
    /// <returns>How many of those calls it made.</returns>
    public static int Run(int nth, Errno errno, Action action, string? directory = null)
    {
        lock (Gate)
        {
            (_action, _errno, _countdown, _calls, _refused) = (action, errno.Value, nth, 0, -1);
            _paths = directory is null ? KernelPaths : Encode(directory);

            // A collection on the other thread would open files while the supervisor is suspended.
            bool isQuiet = GC.TryStartNoGCRegion(100_000_000);
            Given.Release();
            Finished.Wait();
            if (isQuiet && GCSettings.LatencyMode == GCLatencyMode.NoGCRegion)
            {
                GC.EndNoGCRegion();
            }

            Exception? failure = _failure;
            _failure = null;
            return failure is null ? _calls : throw failure;
        }
    }

    private static void Work()
    {
        Listener.SetResult(Install());
        while (true)
        {
            Given.Wait();
            try
            {
                _isArmed = true;
                _action!();
            }
            catch (Exception exception)
            {
                _failure = exception;
            }
            finally
            {
                _isArmed = false;
            }

            Finished.Release();
        }
    }

    private static int Install()
    {
        int[] calls = [OpenAt, Socket, .. OnDescriptors, .. OfLoops, .. Others, .. OnFiles];
        var program = new Instruction[calls.Length + 3];
        program[0] = new Instruction(BPF_LD_W_ABS, 0, 0, 0);
        for (int i = 0; i < calls.Length; i++)
        {
            program[i + 1] = new Instruction(BPF_JEQ_K, (byte)(calls.Length - i), 0, (uint)calls[i]);
        }

        program[^2] = new Instruction(BPF_RET_K, 0, 0, SECCOMP_RET_ALLOW);
        program[^1] = new Instruction(BPF_RET_K, 0, 0, SECCOMP_RET_USER_NOTIF);
        fixed (Instruction* instructions = program)
        {
            var filter = new Filter { Length = (ushort)program.Length, Instructions = instructions };
            int listener = (int)syscall(Seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, (nint)(&filter));
            return listener >= 0 ? listener : throw new LinuxException("install", "seccomp filter", Errno.Last);
        }
    }

    private static void Answer(int listener)
    {
        ulong* notification = stackalloc ulong[10];
        ulong* answer = stackalloc ulong[3];
        while (true)
        {
            new Span<ulong>(notification, 10).Clear();
            if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, notification) < 0)
            {
                continue;
            }

            // struct seccomp_notif: id; pid, flags; nr, arch; instruction pointer; six arguments. The answer: id; value; error, flags.
            bool fails = _isArmed && IsAcquisition((int)notification[2], notification + 4) && Interlocked.Increment(ref _calls) == _countdown;
            _refused = fails ? (int)notification[2] : _refused;
            answer[0] = notification[0];
            answer[1] = 0;
            answer[2] = fails ? (uint)-_errno : (ulong)SECCOMP_USER_NOTIF_FLAG_CONTINUE << 32;
            _ = ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, answer);
        }
    }

    private static bool IsAcquisition(int call, ulong* arguments)
    {
        // libnftables 1.0.6 ends the process when it gets no socket, and dereferences null when a request is refused. Its sockets are
        // not close-on-exec, and ours are. The runtime's pipe for a thread that begins is one that blocks.
        return call == Socket ? (arguments[1] & SOCK_CLOEXEC) != 0
            : call == OpenAt ? IsOurs((byte*)arguments[1])
            : call == Pipe ? (arguments[1] & O_NONBLOCK) != 0
            : call == Bpf ? arguments[0] != BPF_MAP_DELETE_ELEM
            : call == EpollCtl && arguments[1] == EPOLL_CTL_DEL ? false
            : !OnDescriptors.Contains(call) || fcntl((int)arguments[0], F_GETFD) == FD_CLOEXEC;
    }

    private static bool IsOurs(byte* path)
    {
        foreach (byte[] prefix in _paths)
        {
            int i = 0;
            while (i < prefix.Length && path[i] == prefix[i])
            {
                i++;
            }

            if (i == prefix.Length)
            {
                return true;
            }
        }

        return false;
    }

    private static byte[][] Encode(params string[] paths) => [.. paths.Select(Encoding.UTF8.GetBytes)];

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint syscall(nint number, nint first, nint second, nint third);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int ioctl(int descriptor, nuint request, void* argument);

    [LibraryImport("libc")]
    private static partial int fcntl(int descriptor, int command);

    private readonly record struct Instruction(ushort Code, byte JumpTrue, byte JumpFalse, uint Operand);

    private struct Filter
    {
        public ushort Length;
        public Instruction* Instructions;
    }
}
