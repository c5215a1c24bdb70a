using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace EgressAgent.Testing.Lab;

/// <summary>An authority, and certificates that it has signed for an etcd and its client, as PEM files.</summary>
public sealed class EtcdCertificates : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("egress-etcd-tls-");

    /// <param name="name">Of the authority.</param>
    /// <param name="address">For which the server's certificate is.</param>
    public EtcdCertificates(string name = "test authority", string address = "127.0.0.1")
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using X509Certificate2 authority = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(30));
        File.WriteAllText(AuthorityFile, authority.ExportCertificatePem());
        Issue(authority, "etcd", ServerFile, ServerKeyFile, address);
        Issue(authority, "agent", ClientFile, ClientKeyFile, address: null);
    }

    public string AuthorityFile => In("ca.pem");

    public string ClientFile => In("client.pem");

    public string ClientKeyFile => In("client-key.pem");

    internal IReadOnlyList<string> ServerOptions =>
        ["--cert-file", ServerFile, "--key-file", ServerKeyFile, "--trusted-ca-file", AuthorityFile, "--client-cert-auth"];

    internal IReadOnlyList<string> ClientOptions => ["--cacert", AuthorityFile, "--cert", ClientFile, "--key", ClientKeyFile];

    private string ServerFile => In("server.pem");

    private string ServerKeyFile => In("server-key.pem");

    public void Dispose() => _directory.Delete(recursive: true);

    private string In(string file) => Path.Combine(_directory.FullName, file);

    private static void Issue(X509Certificate2 authority, string name, string file, string keyFile, string? address)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1"), new Oid("1.3.6.1.5.5.7.3.2")], false));
        if (address is not null)
        {
            SubjectAlternativeNameBuilder names = new();
            names.AddIpAddress(IPAddress.Parse(address));
            request.CertificateExtensions.Add(names.Build());
        }

        using X509Certificate2 certificate = request.Create(authority, DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddDays(7), RandomNumberGenerator.GetBytes(8));
        File.WriteAllText(file, certificate.ExportCertificatePem());
        File.WriteAllText(keyFile, key.ExportPkcs8PrivateKeyPem());
    }
}
