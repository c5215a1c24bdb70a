namespace EgressAgent.Model.Planning;

/// <summary>
/// The groups of a router's links (<c>ip link</c> shows them), by which its ruleset tells them apart: a name takes nft_meta twice as long to
/// compare. A link has its group from its first moment, as it has its name, and one that is made anew has the same.
/// </summary>
/// <remarks>
/// A group says no less than a name. Only root of the netns can give either, and who can do that can have any packet let through. What differs:
/// several links may have a group, so the numbers are such that nobody else comes upon them, and group 0, in which every other link is, is
/// none of them. A link that lost its group is nobody's: nothing that comes by it is redirected, marked or accepted, as the ruleset only ever
/// accepts by a group, and its policies drop the rest. The routing policy goes by names, and refuses what is not marked.
/// </remarks>
public static class LinkGroups
{
    /// <summary>Of <see cref="RouterNames.InsideLink"/>.</summary>
    public const uint Inside = 9801;

    /// <summary>Of <see cref="RouterNames.OutsideLink"/>.</summary>
    public const uint Outside = 9802;

    /// <summary>Of <see cref="RouterNames.ServiceLink"/>.</summary>
    public const uint Service = 9803;

    /// <summary>The names of the links that have one, each with its group.</summary>
    public static IReadOnlyDictionary<string, uint> All { get; } = new Dictionary<string, uint>
    {
        [RouterNames.InsideLink] = Inside,
        [RouterNames.OutsideLink] = Outside,
        [RouterNames.ServiceLink] = Service,
    };
}
