using System.Net.Sockets;
using System.Text;
using EgressAgent.Linux.Interop;
using EgressAgent.Linux.Journal;

namespace EgressAgent.Linux.Tests.Journal;

/// <summary>
/// What arrives at journald's socket. The path is fixed, so a test puts a socket of its own there, in a mount namespace that belongs
/// to one thread and ends with it.
/// </summary>
public sealed class JournalSocketTests
{
    private const string SocketPath = "/run/systemd/journal/socket";

    private const int CLONE_NEWNS = 0x20000;
    private const nuint MS_REC = 0x4000;
    private const nuint MS_PRIVATE = 1 << 18;

    [Fact]
    public void Send_entry_arrivesInTheNativeProtocol() => InPrivateRun(journald =>
    {
        var entry = new JournalEntry();
        entry.Add(JournalField.Message, "one line");
        entry.Add(JournalField.SyslogIdentifier, "egress-agentd");
        entry.Add("EGRESS_DETAIL", "two\nlines");

        Assert.True(entry.Send().IsSuccess);

        byte[] buffer = new byte[4096];
        int length = journald.Receive(buffer);

        // A value with a newline is sent as its length, 64 bits little endian, and its bytes.
        Assert.Equal(
            "MESSAGE=one line\nSYSLOG_IDENTIFIER=egress-agentd\nEGRESS_DETAIL\n\u0009\0\0\0\0\0\0\0two\nlines\n",
            Encoding.UTF8.GetString(buffer, 0, length));
    });

    [Fact]
    public void Send_moreFieldsThanTheStackHolds_allArrive() => InPrivateRun(journald =>
    {
        var entry = new JournalEntry();
        for (int i = 0; i < 200; i++)
        {
            entry.Add("SYSLOG_IDENTIFIER", i);
        }

        Assert.True(entry.Send().IsSuccess);

        byte[] buffer = new byte[16384];
        string text = Encoding.UTF8.GetString(buffer, 0, journald.Receive(buffer));
        Assert.Equal(string.Concat(Enumerable.Range(0, 200).Select(i => $"SYSLOG_IDENTIFIER={i}\n")), text);
    });

    [Fact]
    public void Send_noJournald_isNoError() => InPrivateRun(journald =>
    {
        journald.Dispose();
        File.Delete(SocketPath);
        var entry = new JournalEntry();
        entry.Add(JournalField.Message, "nobody listens");

        Assert.True(entry.Send().IsSuccess);
    });

    private static void InPrivateRun(Action<Socket> test)
    {
        EgressAgent.Testing.Requires.Root();
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                Require(LibC.unshare(CLONE_NEWNS));
                Require(LibC.mount("none", "/", "none", MS_REC | MS_PRIVATE, 0));
                Require(LibC.mount("tmpfs", "/run", "tmpfs", 0, 0));
                Directory.CreateDirectory(Path.GetDirectoryName(SocketPath)!);
                using var journald = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified)
                {
                    ReceiveTimeout = 20_000,
                };
                journald.Bind(new UnixDomainSocketEndPoint(SocketPath));
                test(journald);
            }
            catch (Exception e)
            {
                failure = e;
            }
        });
        thread.Start();
        thread.Join();
        if (failure is not null)
        {
            throw new InvalidOperationException(failure.Message, failure);
        }
    }

    private static void Require(int result)
    {
        if (result < 0)
        {
            throw new LinuxException("make private /run", "", Errno.Last);
        }
    }
}
