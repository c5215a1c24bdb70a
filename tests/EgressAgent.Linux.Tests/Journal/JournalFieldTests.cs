using EgressAgent.Linux.Journal;

namespace EgressAgent.Linux.Tests.Journal;

public sealed class JournalFieldTests
{
    [Theory]
    [InlineData("MESSAGE", true)]
    [InlineData("EGRESS_PORT2", true)]
    [InlineData("A", true)]
    [InlineData("", false)]
    [InlineData("_PID", false)]
    [InlineData("2ND", false)]
    [InlineData("lower", false)]
    [InlineData("WITH-DASH", false)]
    [InlineData("WITH=EQUALS", false)]
    [InlineData("ÄRGER", false)]
    public void IsValid_name_followsJournald(string name, bool expected) => Assert.Equal(expected, JournalField.IsValid(name));

    [Theory]
    [InlineData(64, true)]
    [InlineData(65, false)]
    public void IsValid_length_isAtMost64(int length, bool expected) =>
        Assert.Equal(expected, JournalField.IsValid(new string('A', length)));
}
