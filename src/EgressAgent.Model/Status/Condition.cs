namespace EgressAgent.Model.Status;

/// <summary>One statement about a router, as in the resource's <c>status.conditions</c>.</summary>
/// <param name="Type">What is stated.</param>
/// <param name="Status">True, false, or null for Unknown.</param>
/// <param name="Reason">One CamelCase word for machines.</param>
/// <param name="Message">One sentence for people.</param>
/// <param name="LastTransition">When <paramref name="Status"/> last changed.</param>
public sealed record Condition(ConditionType Type, bool? Status, string Reason, string Message, DateTimeOffset LastTransition)
{
    /// <summary><c>True</c>, <c>False</c> or <c>Unknown</c>.</summary>
    public string StatusText => Status switch
    {
        true => "True",
        false => "False",
        null => "Unknown",
    };
}
