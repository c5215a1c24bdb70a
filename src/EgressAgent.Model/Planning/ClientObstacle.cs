namespace EgressAgent.Model.Planning;

/// <summary>Something of the node's own that keeps clients from a router.</summary>
/// <param name="Reason">One of <see cref="PlanReasons"/>.</param>
/// <param name="Subject">What it is about, where there may be several with one reason.</param>
/// <param name="Problem">What is in the way, and of whom.</param>
/// <param name="Command">The one command after which it is not.</param>
/// <param name="IsExpected">Whether it keeps out clients that are expected: the node itself, or those that the router's clients name.</param>
public sealed record ClientObstacle(string Reason, string Subject, string Problem, string Command, bool IsExpected);
