using EgressAgent.Linux.Accounts;

namespace EgressAgent.Linux.Tests.Accounts;

public sealed class AccountFilesTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("egress-accounts-");
    private readonly AccountFiles _accounts;

    public AccountFilesTests()
    {
        _accounts = new AccountFiles(_directory.FullName);
        File.WriteAllText(Path.Combine(_directory.FullName, "passwd"), """
            root:x:0:0:root:/root:/bin/bash
            # comment

            +nis:::::::
            alice:x:1000:1000::/home/alice:/bin/sh
            broken:x:1001
            """);
        File.WriteAllText(Path.Combine(_directory.FullName, "group"), """
            root:x:0:
            adm:x:4:alice,bob
            systemd-journal:x:999:bob
            users:x:nonsense:alice
            alice:x:1000:
            ali:x:5:alic
            """);
    }

    [Fact]
    public void FindGroups_namesThatExist_giveTheirIds() => Assert.Equal([4u, 999u], _accounts.FindGroups("systemd-journal", "adm", "none").Order());

    [Theory]
    [InlineData(1000u, new[] { 4u, 1000u })]
    [InlineData(0u, new[] { 0u })]
    [InlineData(77u, new uint[0])]
    public void GroupsOf_user_isThePrimaryAndTheOthers(uint user, uint[] groups) => Assert.Equal(groups, _accounts.GroupsOf(user).Order());

    public void Dispose() => _directory.Delete(recursive: true);
}
