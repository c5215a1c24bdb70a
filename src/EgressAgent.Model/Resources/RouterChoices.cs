namespace EgressAgent.Model.Resources;

/// <summary>How the enumerations of a router are spelt in its file.</summary>
internal static class RouterChoices
{
    public static readonly Choices<MacvlanMode> MacvlanModes = new(
        ("Bridge", MacvlanMode.Bridge), ("Private", MacvlanMode.Private), ("VEPA", MacvlanMode.VEPA), ("Passthru", MacvlanMode.Passthru));

    public static readonly Choices<TransportProtocol> Protocols = new(
        ("TCP", TransportProtocol.TCP), ("UDP", TransportProtocol.UDP), ("SCTP", TransportProtocol.SCTP));

    public static readonly Choices<DatapathKind> Datapaths = new(("kernel", DatapathKind.Kernel), ("relay", DatapathKind.Relay));

    /// <summary>Annotations are texts, also those that say yes or no.</summary>
    public static readonly Choices<bool> TruthTexts = new(("true", true), ("false", false));

    public static readonly Choices<FailoverMode> Failovers = new(("none", FailoverMode.None), ("manual", FailoverMode.Manual), ("cluster", FailoverMode.Cluster));

    public static readonly Choices<LocalProcesses> LocalProcesses = new(
        ("allow", Resources.LocalProcesses.Allow), ("deny", Resources.LocalProcesses.Deny));

    public static readonly Choices<FlowLogMode> FlowLogs = new(
        ("none", FlowLogMode.None), ("closed", FlowLogMode.Closed), ("all", FlowLogMode.All));

    public static readonly Choices<FlowOffloadMode> FlowOffloads = new(("off", FlowOffloadMode.Off), ("auto", FlowOffloadMode.Auto));
}
