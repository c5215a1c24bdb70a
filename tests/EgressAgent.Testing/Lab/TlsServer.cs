using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace EgressAgent.Testing.Lab;

/// <summary>A partner's web server with a certificate for its own name. Its page is the address of the client that it saw.</summary>
public sealed class TlsServer : IDisposable
{
    private readonly Socket _socket;
    private readonly X509Certificate2 _certificate;

    private TlsServer(Socket socket, X509Certificate2 certificate)
    {
        _socket = socket;
        _certificate = certificate;
        _ = AcceptAsync();
    }

    /// <summary>The certificate, which vouches for itself, for those who are to trust it.</summary>
    public string Certificate => _certificate.ExportCertificatePem();

    public void Dispose()
    {
        _socket.Dispose();
        _certificate.Dispose();
    }

    internal static TlsServer Start(LabHost host, IPEndPoint local, string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new($"CN={name}", key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        X509Certificate2 certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        return new TlsServer(
            host.CreateSocket(local.AddressFamily, SocketType.Stream, ProtocolType.Tcp, socket =>
            {
                socket.Bind(local);
                socket.Listen();
            }),
            certificate);
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _ = AnswerAsync(await _socket.AcceptAsync());
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Disposed of.
        }
    }

    private async Task AnswerAsync(Socket connection)
    {
        string page = ((IPEndPoint)connection.RemoteEndPoint!).Address.ToString();
        await using SslStream stream = new(new NetworkStream(connection, ownsSocket: true));
        try
        {
            await stream.AuthenticateAsServerAsync(_certificate);
            await stream.ReadAtLeastAsync(new byte[64 * 1024], 1);
            await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {page.Length}\r\n\r\n{page}"));
        }
        catch (Exception e) when (e is IOException or AuthenticationException)
        {
            // A client that does not trust the certificate.
        }
    }
}
