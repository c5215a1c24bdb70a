using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using EgressAgent.Model.Planning;

namespace EgressAgent.Model.Tests.Planning;

public class ServicePlannerTests
{
    private static readonly ServiceCandidate Reaching = Candidate("a");
    private static readonly ServiceCandidate CutOff = Candidate("b") with { CutOff = [AddressFamily.InterNetwork] };
    private static readonly ServiceCandidate Lost = Candidate("c") with { IsAvailable = false };

    [Fact]
    public void Router_that_is_cut_off_is_chosen_when_no_other_is_available()
    {
        Assert.Equal([Reaching], ServicePlanner.ChooseFrom([Reaching, CutOff, Lost], AddressFamily.InterNetwork));
        Assert.Equal([CutOff], ServicePlanner.ChooseFrom([CutOff, Lost], AddressFamily.InterNetwork));
        Assert.Empty(ServicePlanner.ChooseFrom([Lost], AddressFamily.InterNetwork));
    }

    [Fact]
    public void Gateway_of_one_family_is_of_no_business_to_the_other()
    {
        Assert.Equal([Reaching, CutOff], ServicePlanner.ChooseFrom([Reaching, CutOff, Lost], AddressFamily.InterNetworkV6));
        Assert.Empty(ServicePlanner.ChooseFrom([CutOff with { InsideAddresses = [IPAddress.Parse("198.18.0.3")] }], AddressFamily.InterNetworkV6));
    }

    private static ServiceCandidate Candidate(string name) => new(
        new RouterKey("default", name),
        ImmutableDictionary<string, string>.Empty,
        [IPAddress.Parse("198.18.0.3"), IPAddress.Parse("fd96:e9e5:a::3")],
        IsAvailable: true,
        Mtu: 1500,
        CutOff: []);
}
