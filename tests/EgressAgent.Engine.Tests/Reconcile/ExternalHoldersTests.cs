using System.Net;
using EgressAgent.Engine.Reconcile;
using EgressAgent.Engine.Registry;
using EgressAgent.Engine.Tests.Support;
using EgressAgent.Model;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Tests.Reconcile;

public sealed class ExternalHoldersTests
{
    private static readonly IPAddress Address = IPAddress.Parse("192.168.12.97");
    private static readonly RegisteredRouter A = Router("a");
    private static readonly RegisteredRouter B = Router("b");

    private readonly ExternalHolders _holders = new();
    private readonly List<RouterKey> _due = [];
    private int _changes;

    public ExternalHoldersTests()
    {
        _holders.Changed += routers => _due.AddRange(routers);
        _holders.HeldChanged += () => _changes++;
    }

    [Fact]
    public void Before_the_first_decision_a_router_keeps_what_it_has_and_takes_nothing()
    {
        _holders.Note(A.Key, [Address]);

        Assert.Equal(A.ExternalPorts, _holders.Grant(A));
        Assert.Empty(_holders.Grant(B));
        Assert.Equal(A.Key, _holders.HolderOf(Address));
    }

    [Fact]
    public void What_an_earlier_agent_left_where_it_does_not_belong_is_given_up_and_then_taken()
    {
        _holders.Note(A.Key, [Address]);

        Assign(B);

        Assert.Equal([A.Key, B.Key], _due.Order());
        Assert.Empty(_holders.Grant(A));
        Assert.Empty(_holders.Grant(B));
        Assert.Null(_holders.HolderOf(Address));
    }

    [Fact]
    public void Address_that_moves_is_taken_when_the_other_has_given_it_up()
    {
        Assign(A);
        Take(A);
        Assign(B);
        _due.Clear();

        Assert.Empty(_holders.Grant(B));
        _holders.Note(A.Key, []);

        Assert.Equal([B.Key], _due);
        Assert.Equal(B.ExternalPorts, _holders.Grant(B));
    }

    [Fact]
    public void Address_that_a_router_is_about_to_take_is_taken_by_no_other()
    {
        Assign(B);
        Assert.Equal(B.ExternalPorts, _holders.Grant(B));
        Assign(A);

        Assert.Empty(_holders.Grant(A));
    }

    [Fact]
    public void Address_that_a_router_was_about_to_take_and_did_not_is_taken_by_who_waits_for_it()
    {
        Assign(B);
        _ = _holders.Grant(B);
        Assign(A);
        _ = _holders.Grant(A);
        _due.Clear();

        _holders.Note(B.Key, []);

        Assert.Equal([A.Key], _due);
        Assert.Equal(A.ExternalPorts, _holders.Grant(A));
        Assert.Equal(0, _changes);
    }

    [Fact]
    public void Address_that_was_taken_meanwhile_is_given_up_first()
    {
        Assign(B);
        _ = _holders.Grant(B);
        Assign(A);
        _holders.Note(B.Key, [Address]);
        _due.Clear();

        Assert.Empty(_holders.Grant(A));
        Assert.Empty(_holders.Grant(B));
        _holders.Note(B.Key, []);

        Assert.Equal([A.Key], _due);
    }

    [Fact]
    public void Holder_that_changes_is_told_once()
    {
        Assign(A);
        Take(A);
        _holders.Note(A.Key, [Address]);
        Assert.Equal(1, _changes);

        _holders.Note(A.Key, []);
        _holders.Note(A.Key, []);
        Assert.Equal(2, _changes);
    }

    private void Assign(RegisteredRouter holder) => _holders.Assign(new Dictionary<IPAddress, RouterKey> { [Address] = holder.Key });

    private void Take(RegisteredRouter router) => _holders.Note(router.Key, _holders.Grant(router).Select(port => port.Address));

    private static RegisteredRouter Router(string name) => Example.Registered(Example.Router(name)) with
    {
        ExternalPorts = [new ExternalPort(Address, TransportProtocol.TCP, 80, 8080)],
    };
}
