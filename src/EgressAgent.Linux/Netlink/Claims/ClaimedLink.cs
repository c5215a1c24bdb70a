using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink.Conntrack;

namespace EgressAgent.Linux.Netlink.Claims;

/// <summary>
/// A link that may be up as long as the loopback of its network namespace has a certain alternative name: the mark of a claim, which
/// outlives processes and not the boot.
/// </summary>
public static class ClaimedLink
{
    /// <summary>
    /// Takes the claim away: the link is down when this returns, and the flows of the namespace are forgotten. Whoever keeps the link up
    /// while it is claimed has to look at the mark again, and need not be asked.
    /// </summary>
    /// <param name="netns">Where the link is.</param>
    /// <param name="mark">The alternative name.</param>
    /// <param name="name">The link; that there is none is no error.</param>
    /// <returns>False when there was no claim; then nothing is changed.</returns>
    /// <exception cref="LinuxException">The kernel refused: EPERM, for who is not root. The claim may still be there, and releasing it again is safe.</exception>
    public static bool Release(NetworkNamespace netns, string mark, string name)
    {
        using RouteNetlink route = RouteNetlink.Open(netns);
        if (route.GetLink(mark) is not { } marked)
        {
            return false;
        }

        // Silence first. Who keeps the link up may set it up again while the mark is there, and not afterwards.
        SetDown(route, name);
        route.RemoveLinkAltName(marked.Index, mark);
        SetDown(route, name);
        using ConntrackTable flows = ConntrackTable.Open(netns);
        flows.Flush();
        return true;
    }

    private static void SetDown(RouteNetlink route, string name)
    {
        if (route.GetLink(name) is { } link)
        {
            route.SetLinkUp(link.Index, up: false);
        }
    }
}
