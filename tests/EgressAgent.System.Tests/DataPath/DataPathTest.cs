using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.DataPath;

/// <summary>Tests that share a lab with a running agent, and leave no router behind.</summary>
public abstract class DataPathTest : IClassFixture<DataPathTest.Fixture>, IDisposable
{
    /// <summary>How long the absence of an answer is waited for.</summary>
    protected static readonly TimeSpan Silence = TimeSpan.FromMilliseconds(300);

    /// <summary>
    /// A refusal comes from the same machine; there is room for a loaded one. In the virtual machine of the second kernel, whose processor
    /// may be emulated, time is no measure: there it counts that the client is refused, and how often.
    /// </summary>
    protected static readonly TimeSpan AtOnce = NodeLimit.IsOwn ? TimeSpan.MaxValue : TimeSpan.FromMilliseconds(500);

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

    protected static void AssertRefusedAtOnce(ProbeResult result)
    {
        Assert.Equal(ProbeOutcome.Refused, result.Outcome);
        Assert.True(result.Elapsed < AtOnce, $"refused only after {result.Elapsed.TotalMilliseconds} ms");
    }

    /// <summary>What the router does not forward: "communication administratively prohibited".</summary>
    protected static void AssertProhibitedAtOnce(ProbeResult result)
    {
        Assert.Equal(ProbeOutcome.Unreachable, result.Outcome);
        Assert.True(result.Elapsed < AtOnce, $"refused only after {result.Elapsed.TotalMilliseconds} ms");
    }

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
