using System.Net;
using System.Net.Sockets;
using EgressAgent.Engine.Registry;
using EgressAgent.Engine.Tests.Support;
using EgressAgent.Model;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;

namespace EgressAgent.Engine.Tests.Registry;

public sealed class AddressBookTests
{
    private static readonly ResourceKey A = new RouterKey("default", "a");
    private static readonly ResourceKey B = new RouterKey("default", "b");
    private static readonly IPNetwork IPv4 = IPNetwork.Parse("198.18.0.0/16");
    private static readonly IPNetwork IPv6 = IPNetwork.Parse("fd96:e9e5:a::/112");

    private readonly AddressBook _book = new(AddressBook.Inside, [IPv4, IPv6]);
    private PlanProblem? _problem;

    [Fact]
    public void Router_keeps_what_it_was_given()
    {
        ValueList<InterfaceAddress> first = Allocate(A);
        Allocate(B);

        Assert.Equal(first, Allocate(A));
    }

    [Fact]
    public void Address_follows_from_the_key()
    {
        Assert.Equal([InsideAddressAllocator.Derive(IPv4, A)!], Allocate(A));
        Assert.Equal([InsideAddressAllocator.Derive(IPv4, B)!], Allocate(B));
        Assert.True(AddressBook.AreDerived(A, [], Allocate(A)));
    }

    [Fact]
    public void Address_that_another_router_has_is_passed_over_and_cannot_be_told_again()
    {
        InterfaceAddress derived = InsideAddressAllocator.Derive(IPv4, A)!;
        _book.Restore(B, [derived]);

        ValueList<InterfaceAddress> next = Allocate(A);

        Assert.NotEqual([derived], next);
        Assert.Single(next);
        Assert.False(AddressBook.AreDerived(A, [], next));
    }

    [Fact]
    public void Pin_comes_before_what_the_router_has()
    {
        Allocate(A);

        Assert.Equal([Example.Cidr("198.18.0.9/16")], Allocate(A, pin: "198.18.0.9"));
        Assert.Null(_problem);
        Assert.True(AddressBook.AreDerived(A, [IPAddress.Parse("198.18.0.9")], Allocate(A)));
    }

    [Fact]
    public void Pin_that_another_router_has_is_refused_and_the_router_keeps_its_own()
    {
        Allocate(B, pin: "198.18.0.9");
        ValueList<InterfaceAddress> own = Allocate(A);

        Assert.Equal(own, Allocate(A, pin: "198.18.0.9"));
        Assert.Equal("the pinned inside address 198.18.0.9 belongs to the router default/b, which has it for as long as it exists", _problem?.Message);
    }

    [Fact]
    public void Pin_that_another_router_has_leaves_a_new_router_without()
    {
        Allocate(B, pin: "198.18.0.9");

        Assert.Empty(Allocate(A, pin: "198.18.0.9"));
        Assert.Equal(PlanReasons.InsideAddressRefused, _problem?.Reason);
    }

    [Fact]
    public void Family_that_is_added_gets_an_address_and_the_other_keeps_its_own()
    {
        ValueList<InterfaceAddress> before = Allocate(A, pin: "198.18.0.9");

        ValueList<InterfaceAddress> after = Allocate(A, families: [AddressFamily.InterNetwork, AddressFamily.InterNetworkV6]);

        Assert.Equal([.. before, InsideAddressAllocator.Derive(IPv6, A)!], after);
    }

    [Fact]
    public void Family_that_is_dropped_gives_its_address_back()
    {
        Allocate(A, pin: "198.18.0.9", families: [AddressFamily.InterNetwork, AddressFamily.InterNetworkV6]);
        Allocate(A, families: [AddressFamily.InterNetworkV6]);

        Assert.Single(Allocate(B, pin: "198.18.0.9"));
    }

    [Fact]
    public void Released_address_is_free_again()
    {
        Allocate(A, pin: "198.18.0.9");

        _book.Release(A);

        Assert.Single(Allocate(B, pin: "198.18.0.9"));
    }

    [Fact]
    public void Exhausted_network_is_named_until_an_address_comes_free()
    {
        AddressBook book = new(AddressBook.Inside, [IPNetwork.Parse("198.18.0.0/30")]);
        book.Allocate(A, [], [AddressFamily.InterNetwork], out _);

        Assert.Empty(book.Allocate(B, [], [AddressFamily.InterNetwork], out PlanProblem? problem));
        Assert.Equal(PlanReasons.InsideNetworkExhausted, problem?.Reason);
        Assert.Contains("198.18.0.0/30", problem?.Message);

        book.Release(A);
        Assert.Single(book.Allocate(B, [], [AddressFamily.InterNetwork], out _));
    }

    [Theory]
    [InlineData("10.5.0.2/16")]
    [InlineData("198.18.0.2/24")]
    public void Restored_address_of_a_network_that_is_no_longer_configured_is_replaced(string stale)
    {
        Assert.Empty(_book.Restore(A, [Example.Cidr(stale)]));

        Assert.Equal([InsideAddressAllocator.Derive(IPv4, A)!], Allocate(A));
    }

    [Fact]
    public void Restored_address_stays_unless_another_router_has_it()
    {
        Assert.Single(_book.Restore(A, [Example.Cidr("198.18.0.7/16")]));

        Assert.Empty(_book.Restore(B, [Example.Cidr("198.18.0.7/16")]));
        Assert.Equal([Example.Cidr("198.18.0.7/16")], Allocate(A));
    }

    private ValueList<InterfaceAddress> Allocate(ResourceKey key, string? pin = null, AddressFamily[]? families = null) =>
        _book.Allocate(key, pin is null ? [] : [IPAddress.Parse(pin)], families ?? [AddressFamily.InterNetwork], out _problem);
}
