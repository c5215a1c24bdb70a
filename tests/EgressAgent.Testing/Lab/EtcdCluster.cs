namespace EgressAgent.Testing.Lab;

/// <summary>Members of Debian's etcd that know each other, on one host, at consecutive ports. Their data is gone with them.</summary>
public sealed class EtcdCluster : IDisposable
{
    private const int PortsPerMember = 2;

    private static int _nextPort = 23790;

    // In memory: a leader whose disk is busy loses its followers, and a lease comes late.
    private readonly DirectoryInfo _directory = Directory.CreateDirectory($"/dev/shm/egress-etcd-{Guid.NewGuid():N}");

    private EtcdCluster(LabHost? host, string address, int count, EtcdCertificates? certificates, IReadOnlyList<string> options)
    {
        Certificates = certificates;
        int port = Interlocked.Add(ref _nextPort, count * PortsPerMember) - (count * PortsPerMember);
        string scheme = certificates is null ? "http" : "https";
        (string Client, string Peer)[] places =
            [.. Enumerable.Range(0, count).Select(place => ($"{scheme}://{address}:{port + (place * PortsPerMember)}", $"http://{address}:{port + (place * PortsPerMember) + 1}"))];
        string all = string.Join(',', places.Select((place, number) => $"m{number}={place.Peer}"));
        Members =
        [
            .. places.Select((place, number) => new EtcdMember(host, place.Client,
            [
                EtcdMember.Program, "--name", $"m{number}", "--data-dir", Path.Combine(_directory.FullName, $"m{number}"),
                "--listen-client-urls", place.Client, "--advertise-client-urls", place.Client,
                "--listen-peer-urls", place.Peer, "--initial-advertise-peer-urls", place.Peer, "--initial-cluster", all,
                .. certificates?.ServerOptions ?? [], .. options,
            ])
            {
                ControlOptions = certificates?.ClientOptions ?? [],
            }),
        ];
    }

    public IReadOnlyList<EtcdMember> Members { get; }

    /// <summary>Those with which the members speak; null for no TLS.</summary>
    public EtcdCertificates? Certificates { get; }

    /// <summary>Of all members.</summary>
    public IReadOnlyList<string> Endpoints => [.. Members.Select(member => member.Endpoint)];

    /// <summary>Starts members and waits until they have a leader.</summary>
    /// <param name="count">How many.</param>
    /// <param name="host">Where; null for where the test runs.</param>
    /// <param name="address">One of the host's.</param>
    /// <param name="certificates">With which they speak TLS to clients; null for none.</param>
    /// <param name="options">More of etcd(1).</param>
    public static EtcdCluster Start(
        int count = 1, LabHost? host = null, string address = "127.0.0.1", EtcdCertificates? certificates = null, params IReadOnlyList<string> options)
    {
        EtcdCluster cluster = new(host, address, count, certificates, options);
        try
        {
            foreach (EtcdMember member in cluster.Members)
            {
                member.Start();
            }

            foreach (EtcdMember member in cluster.Members)
            {
                member.WaitForLeader();
            }

            return cluster;
        }
        catch
        {
            cluster.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        foreach (EtcdMember member in Members)
        {
            member.Dispose();
        }

        _directory.Delete(recursive: true);
    }
}
