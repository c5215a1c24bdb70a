using EgressAgent.Linux.Cgroups;

namespace EgressAgent.Linux.Tests.Cgroups;

public sealed class CgroupPathTests
{
    private const string Id = "4f1d2c3b4a5968778695a4b3c2d1e0f04f1d2c3b4a5968778695a4b3c2d1e0f0";

    [Theory]
    [InlineData("/", null)]
    [InlineData("/init.scope", "init.scope")]
    [InlineData("/system.slice/cron.service", "cron.service")]
    [InlineData("/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service")]
    [InlineData(@"/system.slice/back\x2dup.service", @"back\x2dup.service")]
    [InlineData("/system.slice/_cpu.service", "cpu.service")]
    [InlineData("/system.slice/web.service/workers/1", "web.service")]
    [InlineData("/user.slice/user-1000.slice/session-3.scope", "session-3.scope")]
    [InlineData("/user.slice/user-1000.slice/user@1000.service/app.slice/app-mail.slice/mail.service", "user@1000.service/mail.service")]
    [InlineData("/user.slice/user-1000.slice/user@1000.service/init.scope", "user@1000.service/init.scope")]
    [InlineData("/user.slice", null)]
    [InlineData("/somebody's.slice/own group", null)]
    [InlineData("/docker/run", null)]
    public void Unit_is_the_first_group_that_is_no_slice(string path, string? unit) => Assert.Equal(new CgroupPath(unit, null), CgroupPath.Parse(path));

    [Theory]
    [InlineData($"/system.slice/docker-{Id}.scope", null, "docker")]
    [InlineData($"/docker/{Id}", null, "docker")]
    [InlineData($"/system.slice/docker-{Id}.scope/init.scope/system.slice/cron.service", null, "docker")]
    [InlineData($"/machine.slice/libpod-{Id}.scope", null, "libpod")]
    [InlineData($"/machine.slice/libpod-{Id}.scope/container", null, "libpod")]
    [InlineData($"/system.slice/web.service/libpod-payload-{Id}", "web.service", "libpod")]
    [InlineData($"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{Id}.scope/container", "user@1000.service", "libpod")]
    [InlineData($"/kubepods.slice/kubepods-pod1.slice/cri-containerd-{Id}.scope", null, "cri-containerd")]
    public void Container_is_named_by_its_engine_s_id(string path, string? unit, string engine) =>
        Assert.Equal(new CgroupPath(unit, new CgroupContainer(engine, Id)), CgroupPath.Parse(path));

    [Theory]
    [InlineData("/machine.slice/machine-web.scope/payload/system.slice/cron.service", "web", null)]
    [InlineData(@"/machine.slice/machine-my\x2dweb.scope", "my-web", null)]
    [InlineData("/machine.slice/systemd-nspawn@web.service/payload", "web", null)]
    public void Machine_is_named_as_systemd_machined_has_it(string path, string machine, string? unit) =>
        Assert.Equal(new CgroupPath(unit, new CgroupContainer("machine", machine)), CgroupPath.Parse(path));

    [Fact]
    public void Monitor_of_a_container_is_none() =>
        Assert.Equal(new CgroupPath($"libpod-conmon-{Id}.scope", null), CgroupPath.Parse($"/machine.slice/libpod-conmon-{Id}.scope"));
}
