using EgressAgent.Model;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Status;

namespace EgressAgent.Engine.Reconcile;

/// <summary>What it means for a router's status that something on the node keeps clients from it, or nothing does.</summary>
/// <param name="Condition">Whether clients that are expected reach it.</param>
/// <param name="Troubles">One for each obstacle that keeps such clients out.</param>
internal sealed record ClientFacts(Claim Condition, ValueList<Trouble> Troubles)
{
    /// <param name="facts">What a pass has found.</param>
    /// <param name="obstacles">What is in the way; null while that is not known.</param>
    internal static ClientFacts Of(StatusFacts facts, ValueList<ClientObstacle>? obstacles)
    {
        if (!facts.IsInForce)
        {
            return new ClientFacts(new Claim(null, StatusReasons.NotInForce, "the router is not in force"), []);
        }

        if (obstacles is null)
        {
            return new ClientFacts(new Claim(null, StatusReasons.WaysAsked, "the node is being asked where it leads clients"), []);
        }

        ValueList<Trouble> troubles = [.. obstacles.Where(obstacle => obstacle.IsExpected).Select(ToTrouble)];
        return troubles.Count > 0
            ? new ClientFacts(new Claim(false, troubles[0].Reason, string.Join("; ", troubles.Select(trouble => trouble.Message))), troubles)
            : obstacles.Count > 0
                ? new ClientFacts(
                    new Claim(true, StatusReasons.NodeAlone, "the node itself reaches the router, and no other clients are named; but " + string.Join("; ", obstacles.Select(Describe))), [])
                : new ClientFacts(new Claim(true, StatusReasons.WaysClear, "nothing on the node keeps clients from the router"), []);
    }

    private static Trouble ToTrouble(ClientObstacle obstacle) =>
        new(TroubleKind.Shortcoming, obstacle.Reason, Describe(obstacle), obstacle.Subject, $"over: {obstacle.Problem}");

    private static string Describe(ClientObstacle obstacle) => $"{obstacle.Problem}: {obstacle.Command}";
}
