using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.DataPath;

/// <summary>Tests that share a lab with a running agent, and leave no router behind.</summary>
public abstract class DataPathTest : IClassFixture<DataPathTest.Fixture>, IDisposable
{
    /// <summary>How long the absence of an answer is waited for.</summary>
    protected static readonly TimeSpan Silence = TimeSpan.FromMilliseconds(300);

    private readonly Fixture _fixture;

    protected DataPathTest(Fixture fixture)
    {
        Requires.Agent();
        _fixture = fixture;
    }

    protected DataPathLab Lab => _fixture.Lab;

    public void Dispose()
    {
        TestContext.Current.TestOutputHelper?.WriteLine(Lab.Agent.Log);
        Lab.Reset();
    }

    protected static void AssertReached(ProbeResult result, string source, string target) =>
        Assert.Equal((ProbeOutcome.Answered, source, target), (result.Outcome, result.SeenSource, result.SeenTarget));

    public class Fixture : IDisposable
    {
        private readonly string _datapath;
        private DataPathLab? _lab;

        public Fixture()
            : this("kernel")
        {
        }

        private protected Fixture(string datapath) => _datapath = datapath;

        // On first use: a test that has to be skipped is skipped after its fixture was made.
        public DataPathLab Lab => _lab ??= Build();

        public void Dispose()
        {
            _lab?.Dispose();
            GC.SuppressFinalize(this);
        }

        private DataPathLab Build()
        {
            DataPathLab lab = new(_datapath);
            foreach (string address in (string[])[DataPathLab.Web, DataPathLab.OtherWeb, DataPathLab.Web6, DataPathLab.OtherWeb6])
            {
                lab.Server.ServeTcp(address, 80);
                lab.Server.ServeTcp(address, 8443);
                lab.Server.ServeUdp(address, 80);
            }

            return lab;
        }
    }

    /// <summary>The same lab, with an agent that relays.</summary>
    public sealed class RelayFixture() : Fixture("relay");
}
