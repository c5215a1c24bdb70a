using System.Net.Sockets;
using System.Text;
using EgressAgent.Linux.Journal;

namespace EgressAgent.Linux.Tests.Journal;

public sealed class JournalNamespaceTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("journal-");

    private string SocketPath => Path.Combine(_directory.FullName, "socket");

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public void Entry_arrives_in_the_native_protocol()
    {
        using Socket journald = Listen();
        using JournalSocket socket = JournalSocket.Open(SocketPath, TimeSpan.FromSeconds(1));
        var entry = new JournalEntry();
        entry.Add("MESSAGE", "two\nlines");
        entry.Add("EGRESS_START", 1_764_338_587_000_000);

        Assert.Equal(Errno.Success, socket.Send(entry));

        byte[] datagram = new byte[256];
        Assert.Equal(
            "MESSAGE\n\t\0\0\0\0\0\0\0two\nlines\nEGRESS_START=1764338587000000\n", Encoding.UTF8.GetString(datagram, 0, journald.Receive(datagram)));
    }

    [Fact]
    public void Where_nobody_listens_that_is_said_and_who_comes_later_is_written_to()
    {
        using JournalSocket socket = JournalSocket.Open(SocketPath, TimeSpan.FromSeconds(1));
        var entry = new JournalEntry();
        entry.Add("MESSAGE", "x");
        Assert.Equal(Errno.ENOENT, socket.Send(entry));
        Listen().Dispose();
        File.WriteAllText(SocketPath, "");
        Assert.Equal(Errno.ECONNREFUSED, socket.Send(entry));
        File.Delete(SocketPath);

        using Socket journald = Listen();

        Assert.Equal(Errno.Success, socket.Send(entry));
    }

    [Fact]
    public void Journald_that_does_not_read_is_waited_for_no_longer_than_asked()
    {
        using Socket journald = Listen();
        using JournalSocket socket = JournalSocket.Open(SocketPath, TimeSpan.FromMilliseconds(20));
        var entry = new JournalEntry();
        entry.Add("MESSAGE", "x");

        Errno errno = Errno.Success;
        for (int i = 0; errno.IsSuccess && i < 1_000_000; i++)
        {
            errno = socket.Send(entry);
        }

        Assert.Equal(Errno.EAGAIN, errno);
    }

    private Socket Listen()
    {
        Socket socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(SocketPath));
        return socket;
    }
}
