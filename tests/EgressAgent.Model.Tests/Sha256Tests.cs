using System.Security.Cryptography;
using System.Text;
using CsCheck;

namespace EgressAgent.Model.Tests;

public sealed class Sha256Tests
{
    [Fact]
    public void Digest_is_that_of_the_runtime() => Gen.String[0, 300].Sample(text => Assert.Equal(SHA256.HashData(Encoding.UTF8.GetBytes(text)), Sha256.Hash(text)));

    // The padding fills a block, or needs another one, at these lengths.
    [Theory]
    [InlineData(0)]
    [InlineData(55)]
    [InlineData(56)]
    [InlineData(63)]
    [InlineData(64)]
    [InlineData(119)]
    [InlineData(120)]
    public void Digest_is_that_of_the_runtime_where_padding_changes(int length) =>
        Assert.Equal(SHA256.HashData(Encoding.UTF8.GetBytes(new string('x', length))), Sha256.Hash(new string('x', length)));
}
