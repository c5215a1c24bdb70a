using EgressAgent.Linux.Bpf;

namespace EgressAgent.Linux.Tests.Bpf;

public sealed class SteeringKeyTests
{
    [Theory]
    [InlineData(false, false, 8080, "20000000" + "02061f90")]
    [InlineData(true, true, 53, "20000000" + "0a110035")]
    [InlineData(false, true, 0, "10000000" + "02110000")]
    public void Key_is_a_prefix_of_family_protocol_and_port(bool isIPv6, bool isUdp, int port, string expected) =>
        Assert.Equal(Convert.FromHexString(expected), new SteeringKey(isIPv6, isUdp, (ushort)port).ToPrefix());
}
