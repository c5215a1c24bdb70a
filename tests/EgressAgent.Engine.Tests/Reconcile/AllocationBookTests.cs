using System.Net;
using System.Net.Sockets;
using EgressAgent.Engine.Reconcile;
using EgressAgent.Engine.Tests.Support;
using EgressAgent.Model;
using EgressAgent.Model.Configuration;
using EgressAgent.Model.Planning;

namespace EgressAgent.Engine.Tests.Reconcile;

public sealed class AllocationBookTests
{
    private static readonly RouterKey A = new("default", "a");
    private static readonly RouterKey B = new("default", "b");

    private static readonly AgentConfiguration Small = AgentConfiguration.Default with
    {
        InsideNetworks = [IPNetwork.Parse("198.18.0.0/30"), IPNetwork.Parse("fd96:e9e5:a::/112")],
    };

    private readonly AllocationBook _book = new(AgentConfiguration.Default, Example.MachineId);

    [Fact]
    public void Router_keeps_what_it_was_given()
    {
        RouterAllocation first = Allocate(_book, A);
        Allocate(_book, B);

        Assert.Equal(first, Allocate(_book, A));
    }

    [Fact]
    public void Routers_share_no_address_and_no_MAC()
    {
        RouterAllocation a = Allocate(_book, A);
        RouterAllocation b = Allocate(_book, B);

        Assert.Equal([Example.Cidr("198.18.0.2/16")], a.InsideAddresses);
        Assert.Equal([Example.Cidr("198.18.0.3/16")], b.InsideAddresses);
        Assert.NotEqual(a.Mac, b.Mac);
    }

    [Fact]
    public void Family_that_is_added_gets_an_address_and_the_other_keeps_its_own()
    {
        Allocate(_book, B);
        RouterAllocation before = Allocate(_book, A);

        RouterAllocation after = Allocate(_book, A, AddressFamily.InterNetwork, AddressFamily.InterNetworkV6);

        Assert.Equal([.. before.InsideAddresses, Example.Cidr("fd96:e9e5:a::2/112")], after.InsideAddresses);
    }

    [Fact]
    public void Family_that_is_dropped_gives_its_address_back()
    {
        Allocate(_book, A, AddressFamily.InterNetwork, AddressFamily.InterNetworkV6);
        Allocate(_book, A, AddressFamily.InterNetworkV6);

        Assert.Equal([Example.Cidr("198.18.0.2/16")], Allocate(_book, B).InsideAddresses);
    }

    [Fact]
    public void Released_address_is_free_again()
    {
        Allocate(_book, A);

        _book.Release(A);

        Assert.Equal([Example.Cidr("198.18.0.2/16")], Allocate(_book, B).InsideAddresses);
    }

    [Fact]
    public void Exhausted_network_is_an_error_that_names_it_until_an_address_comes_free()
    {
        var book = new AllocationBook(Small, Example.MachineId);
        Allocate(book, A);

        var error = Assert.Throws<InsideNetworkExhaustedException>(() => Allocate(book, B));
        Assert.Contains("198.18.0.0/30", error.Message);

        book.Release(A);
        Assert.Single(Allocate(book, B).InsideAddresses);
    }

    [Fact]
    public void Restored_allocation_is_the_routers_own()
    {
        var mac = System.Net.NetworkInformation.PhysicalAddress.Parse("02-00-00-00-00-07");
        _book.Restore(A, new RouterAllocation([Example.Cidr("198.18.0.7/16")], mac));

        Assert.Equal(new RouterAllocation([Example.Cidr("198.18.0.7/16")], mac), Allocate(_book, A));
    }

    [Theory]
    [InlineData("10.5.0.2/16")]
    [InlineData("198.18.0.2/24")]
    public void Restored_address_of_a_network_that_is_no_longer_configured_is_replaced(string stale)
    {
        _book.Restore(A, new RouterAllocation([Example.Cidr(stale)], InsideAddressAllocator.DeriveMac(Example.MachineId, A)));

        Assert.Equal([Example.Cidr("198.18.0.2/16")], Allocate(_book, A).InsideAddresses);
    }

    [Fact]
    public void Restored_address_that_another_router_has_stays_with_that_one()
    {
        RouterAllocation a = Allocate(_book, A);

        _book.Restore(B, a);

        Assert.Equal([Example.Cidr("198.18.0.3/16")], Allocate(_book, B).InsideAddresses);
        Assert.Equal(a, Allocate(_book, A));
    }

    private static RouterAllocation Allocate(AllocationBook book, RouterKey key, params AddressFamily[] families) =>
        book.Allocate(key, families.Length == 0 ? [AddressFamily.InterNetwork] : families);
}
