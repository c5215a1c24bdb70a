namespace EgressAgent.Model.Planning;

/// <summary>Why a router cannot be built yet, or not as well as it could be.</summary>
/// <param name="Reason">CamelCase, for a condition's reason.</param>
/// <param name="Message">What is the matter, and what would mend it.</param>
public sealed record PlanProblem(string Reason, string Message)
{
    /// <summary>What it is about, where its message may change while it stands.</summary>
    public string? Subject { get; init; }
}
