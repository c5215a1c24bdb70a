using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Cluster.Etcd;

/// <summary>The certificates with which the agent and etcd know each other, as their files were when they were read.</summary>
internal sealed class EtcdTls : IDisposable
{
    private readonly X509Certificate2Collection? _authorities;
    private readonly X509Certificate2? _own;
    private readonly string? _caFile;

    /// <exception cref="EtcdException">A file cannot be read, or holds no certificate.</exception>
    internal EtcdTls(EtcdSettings settings)
    {
        _caFile = settings.CaFile;
        _authorities = _caFile is { } ca ? Read(ca, "certificates of authorities (PEM)", () => ReadAuthorities(ca)) : null;
        _own = settings is { CertFile: { } cert, KeyFile: { } key } ? Read(cert, $"a certificate (PEM) to which the key {key} belongs", () => X509Certificate2.CreateFromPemFile(cert, key)) : null;
    }

    /// <summary>What was wrong with the certificate of the endpoint that was asked last; null for nothing.</summary>
    internal string? Fault { get; private set; }

    internal SslClientAuthenticationOptions Options => new()
    {
        ClientCertificates = _own is null ? null : [_own],
        LocalCertificateSelectionCallback = _own is null ? null : (_, _, _, _, _) => _own,
        RemoteCertificateValidationCallback = (_, certificate, _, errors) => Judge(certificate, errors),
    };

    public void Dispose()
    {
        _own?.Dispose();
        foreach (X509Certificate2 authority in _authorities ?? [])
        {
            authority.Dispose();
        }
    }

    private bool Judge(X509Certificate? certificate, SslPolicyErrors errors)
    {
        Fault = Explain(certificate as X509Certificate2, errors);
        return Fault is null;
    }

    private string? Explain(X509Certificate2? certificate, SslPolicyErrors errors)
    {
        if (certificate is null)
        {
            return "it shows no certificate";
        }

        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch))
        {
            return $"its certificate is for another name or address ({certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false)})";
        }

        if (_authorities is null)
        {
            return errors == SslPolicyErrors.None ? null : "its certificate is signed by none of the system's authorities; give cluster.etcd.caFile";
        }

        using X509Chain chain = new();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(_authorities);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        if (chain.Build(certificate))
        {
            return null;
        }

        X509ChainStatusFlags flags = chain.ChainStatus.Aggregate(X509ChainStatusFlags.NoError, (all, status) => all | status.Status);
        return flags.HasFlag(X509ChainStatusFlags.NotTimeValid)
            ? $"its certificate is valid from {certificate.NotBefore:yyyy-MM-dd HH:mm} to {certificate.NotAfter:yyyy-MM-dd HH:mm}, and the node's clock says {DateTime.Now:yyyy-MM-dd HH:mm}"
            : $"its certificate is signed by {certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: true)}, which is none of those in {_caFile}";
    }

    private static X509Certificate2Collection ReadAuthorities(string path)
    {
        X509Certificate2Collection all = [];
        all.ImportFromPemFile(path);
        return all.Count > 0 ? all : throw new CryptographicException("it has none");
    }

    private static T Read<T>(string path, string what, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
        {
            throw new EtcdException(EtcdFailure.Certificate, $"{path} must be {what}: {error.Message}", error);
        }
    }
}
