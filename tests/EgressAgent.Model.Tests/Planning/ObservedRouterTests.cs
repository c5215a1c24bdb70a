using EgressAgent.Model.Planning;

namespace EgressAgent.Model.Tests.Planning;

public sealed class ObservedRouterTests
{
    private static readonly AddressEntry External = new(NetworkSide.Router, RouterNames.OutsideLink, Example.Cidr("2001:db8:12::97/128"));
    private static readonly AddressEntry Reserved = new(NetworkSide.Router, RouterNames.OutsideLink, Example.Cidr("2001:db8:12::99/64"));

    [Fact]
    public void Router_is_ready_while_the_network_is_asked_for_its_external_addresses_alone()
    {
        Assert.False(ObservedRouter.Nothing.IsDetectingDuplicatesBeside([External]));
        Assert.False(new ObservedRouter { Tentative = [External] }.IsDetectingDuplicatesBeside([External]));
        Assert.True(new ObservedRouter { Tentative = [External, Reserved] }.IsDetectingDuplicatesBeside([External]));
        Assert.True(new ObservedRouter { Tentative = [External], IsNodeEndDetecting = true }.IsDetectingDuplicatesBeside([External]));
    }
}
