using EgressAgent.Model;

namespace EgressAgent.Engine.Cluster;

/// <summary>What is to be done next, in this order: what an <see cref="Agreement"/> decided. What becomes of it the agreement is told.</summary>
internal abstract record AgreementAction;

/// <summary>Silence all routers that an earlier agent may have let speak: of what that was told, this one knows nothing.</summary>
internal sealed record SilenceAll : AgreementAction;

/// <summary>Read all keys of the cluster; then <see cref="Agreement.Informed"/>.</summary>
internal sealed record ReadCluster : AgreementAction;

/// <summary>Watch all keys of the cluster; then <see cref="Agreement.Changed"/>, or <see cref="Agreement.Uninformed"/>.</summary>
internal sealed record WatchCluster(long From) : AgreementAction;

/// <summary>Get a lease and be a member that is there; then <see cref="Agreement.Joined"/> or <see cref="Agreement.NotJoined"/>.</summary>
internal sealed record JoinCluster : AgreementAction;

/// <summary>Keep the lease alive and ask whether it is; then <see cref="Agreement.Renewed"/>.</summary>
/// <param name="Lease">The lease.</param>
/// <param name="Began">When that was decided: before anything is sent.</param>
internal sealed record RenewLease(long Lease, long Began) : AgreementAction;

/// <summary>End a lease, with its keys.</summary>
internal sealed record RevokeLease(long Lease) : AgreementAction;

/// <summary>Claim a router, unless somebody has; then <see cref="Agreement.Claimed"/>.</summary>
/// <param name="Router">The router.</param>
/// <param name="Lease">With which the claim goes.</param>
/// <param name="Turn">The revision of its last turn, 0 if it had none: a claim that comes late, after somebody else's turn, is none.</param>
/// <param name="Own">The claim of an earlier agent of this node, at its last revision, that is taken over; null for none.</param>
internal sealed record ClaimRouter(RouterKey Router, long Lease, long Turn, long? Own) : AgreementAction;

/// <summary>Give a claim up, after which others may claim at once; then <see cref="Agreement.GaveUp"/>.</summary>
internal sealed record GiveUpRouter(RouterKey Router, long Token) : AgreementAction;

/// <summary>Say that this node knows the members up to a revision; then <see cref="Agreement.Noted"/>.</summary>
internal sealed record NoteMembers(long Revision) : AgreementAction;

/// <summary>Say of which routers the gateways answer this node; then <see cref="Agreement.NotedAnswers"/>.</summary>
/// <param name="Lease">With which that goes.</param>
/// <param name="Routers">Their keys, each as text, with a blank in between.</param>
internal sealed record NoteAnswers(long Lease, string Routers) : AgreementAction;

/// <summary>Tell that a router is left to a node to which its gateways answer.</summary>
internal sealed record TellGivenWay(RouterKey Router, string To) : AgreementAction;

/// <summary>Ask a node by way of etcd whether it is there; then, if that cannot be, <see cref="Agreement.NotAsked"/>.</summary>
internal sealed record AskNode(string Node, long Lease) : AgreementAction;

/// <summary>Ask the holder of a router to leave it to this node.</summary>
internal sealed record AskYield(RouterKey Router, long Lease) : AgreementAction;

/// <summary>Answer those who ask this node by way of etcd.</summary>
internal sealed record AnswerAsk : AgreementAction;

/// <summary>Send a heartbeat to all other members.</summary>
internal sealed record SendBeat(Heartbeat Beat) : AgreementAction;

/// <summary>Promise who sent a heartbeat what it asks for.</summary>
internal sealed record AnswerBeat(string Node, long Lease, long Counter) : AgreementAction;

/// <summary>Let the node's routers that are open speak until then, in nanoseconds of CLOCK_BOOTTIME.</summary>
internal sealed record ExtendFence(long Deadline) : AgreementAction;

/// <summary>Let a router speak as long as the fence is extended, and hold it.</summary>
internal sealed record HoldRouter(RouterKey Router, long Token) : AgreementAction;

/// <summary>Silence a router, and be a standby of it.</summary>
internal sealed record DropRouter(RouterKey Router) : AgreementAction;
