using System.Reflection;
using EgressAgent.Daemon.Logging;
using EgressAgent.Engine;

namespace EgressAgent.Daemon.Tests.Logging;

public sealed class MessageIdsTests
{
    [Fact]
    public void Find_everyEvent_hasAnIdOfItsOwn()
    {
        int[] events = [.. typeof(EventIds).GetFields(BindingFlags.Public | BindingFlags.Static).Select(field => (int)field.GetRawConstantValue()!).Where(id => id != EventIds.Step)];

        string?[] ids = [.. events.Select(MessageIds.Find)];

        Assert.All(ids, id => Assert.Matches("^[0-9a-f]{32}$", id));
        Assert.Distinct(events);
        Assert.Distinct(ids);
    }

    [Fact]
    public void Find_step_isNull() => Assert.Null(MessageIds.Find(EventIds.Step));

    [Fact]
    public void Find_unknownEvent_isNull() => Assert.Null(MessageIds.Find(0));
}
