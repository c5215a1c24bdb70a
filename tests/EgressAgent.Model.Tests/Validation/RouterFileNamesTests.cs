using EgressAgent.Model.Validation;

namespace EgressAgent.Model.Tests.Validation;

public class RouterFileNamesTests
{
    [Theory]
    [InlineData("web.yaml", true)]
    [InlineData("web.yml", true)]
    [InlineData("10-web.prod.yaml", true)]
    [InlineData(".yaml", false)]
    [InlineData(".web.yaml", false)]
    [InlineData(".web.yaml.swp", false)]
    [InlineData(".#web.yaml", false)]
    [InlineData("#web.yaml#", false)]
    [InlineData("web.yaml~", false)]
    [InlineData("web.yaml.bak", false)]
    [InlineData("web.yaml.swp", false)]
    [InlineData("web.yaml.example", false)]
    [InlineData("web.yaml.dpkg-new", false)]
    [InlineData("web.yaml.dpkg-old", false)]
    [InlineData("web.yaml.rpmsave", false)]
    [InlineData("web.json", false)]
    [InlineData("4913", false)]
    [InlineData("yaml", false)]
    public void IsRouterFile_name_tellsRoutersFromWhatEditorsLeave(string name, bool expected) =>
        Assert.Equal(expected, RouterFileNames.IsRouterFile(name));

    [Theory]
    [InlineData(0, "0644", null)]
    [InlineData(0, "0600", null)]
    [InlineData(0, "0755", null)]
    [InlineData(1000, "0644", "the file belongs to user 1000 and is not read; it must belong to root (chown root)")]
    [InlineData(0, "0664", "the file is writable by group or others (mode 0664) and is not read; only root may write it (chmod go-w)")]
    [InlineData(0, "0646", "the file is writable by group or others (mode 0646) and is not read; only root may write it (chmod go-w)")]
    public void WhyRefused_ownerAndMode_wantsAFileOfRootAlone(uint owner, string mode, string? expected) =>
        Assert.Equal(expected, RouterFileNames.WhyRefused(owner, (UnixFileMode)Convert.ToInt32(mode, 8)));
}
