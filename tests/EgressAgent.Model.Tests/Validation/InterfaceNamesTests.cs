using EgressAgent.Model.Validation;

namespace EgressAgent.Model.Tests.Validation;

public class InterfaceNamesTests
{
    [Theory]
    [InlineData("eth0", true)]
    [InlineData("bond0.100", true)]
    [InlineData("a23456789012345", true)]
    [InlineData("a234567890123456", true)] // an alternative name
    [InlineData("a23456789-123456789-123456789-123456789-123456789-123456789-123456789-123456789-123456789-123456789-123456789-123456789-1234567", true)]
    [InlineData("a23456789-123456789-123456789-123456789-123456789-123456789-123456789-123456789-123456789-123456789-123456789-123456789-12345678", false)]
    [InlineData("", false)]
    [InlineData(".", false)]
    [InlineData("..", false)]
    [InlineData("...", true)]
    [InlineData("eth0:1", false)]
    [InlineData("net/eth0", false)]
    [InlineData("eth 0", false)]
    [InlineData("eth\t0", false)]
    [InlineData("öäü", true)]
    [InlineData("à", false)] // its second byte is 0xA0
    public void IsValid_name_agreesWithTheKernel(string name, bool expected) => Assert.Equal(expected, InterfaceNames.IsValid(name));
}
