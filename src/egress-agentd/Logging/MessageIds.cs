using EgressAgent.Engine;

namespace EgressAgent.Daemon.Logging;

/// <summary>
/// The MESSAGE_ID of each event in the journal (systemd.journal-fields(7)). They never change: the message catalog and people's
/// filters refer to them.
/// </summary>
internal static class MessageIds
{
    /// <summary>
    /// 32 hexadecimal digits; null for events without one. A step has none: nobody acts on it, and <c>journalctl -x</c> would explain
    /// each of a dozen in the same words.
    /// </summary>
    internal static string? Find(int eventId) => eventId switch
    {
        EventIds.Accepted => "871695e30eca50bc9131d63565725234",
        EventIds.InForce => "d3c537bceae65ef7abf8f54ed181ccbd",
        EventIds.Removed => "db88f0d4f0435bf298cb04b70c1138c7",
        EventIds.Drift => "a0fefe49511757ee9a03853055dcab07",
        EventIds.Waiting => "3a06d95b171f5f8cbbcf33dd6ba26035",
        EventIds.Failed => "0ebdd049f77450469b38233ef75ea539",
        EventIds.Adopted => "0e5a9a0277e652d195acaadd096c7719",
        EventIds.WorkerFailed => "572c51e283795adc80aea47b66691180",
        EventIds.Contested => "63a4a1a6391f45a8806a77aae7102950",
        EventIds.Fight => "8163a60de5364ed2b72c00a575aacc6b",
        EventIds.Shortcoming => "733f2cf9eb7d4f9490387118f45b3ef7",
        EventIds.Ready => "9a479417d1265862b6acded8137477b3",
        EventIds.Stopped => "67debecf9e115a6c8e1c98003243b008",
        EventIds.FileFault => "64855d1e54e35d7e9ee5d526747ffab7",
        EventIds.FileWarning => "f4c2267acdbf54769b3b8204f530c955",
        EventIds.DirectoryUnreadable => "b393204fae625c1a877d065c050a9eb4",
        EventIds.ServiceUnavailable => "0b8f6d3c4a5e4f27924d7b16c1e09a35",
        EventIds.ExternalAddress => "22e9f2bc98b54c12a3181abe42d9ae89",
        EventIds.Failover => "6a23af52650648c5a14a929bfaf14d29",
        EventIds.ClusterUnreachable => "3920f9709e3944d18054796582df71f3",
        EventIds.StateSetAside => "70536ad157a25305b61183551ffa377c",
        EventIds.StateUnreadable => "220b014113f2549f9449cd9e60b0531a",
        EventIds.BusServed => "e39957850580589d8a1791621054a6f5",
        EventIds.BusUnavailable => "34cf569658ce587aa40d5bf4e9d831b7",
        EventIds.BusFault => "774dac88340c5265998cde290dd37eb7",
        EventIds.StateNotSaved => "c58e2a6d9b1f4e37a0d46b8fe3715c92",
        EventIds.SettingsFault => "909fc1c3a47d47f08db2e068207158c6",
        EventIds.SettingsWarning => "ef395328b28f454ab52db5572873dca2",
        EventIds.Unwatched => "5d1f461cc16b4ec380a6b6eb6c3f85f6",
        EventIds.StateInUse => "4f6a0c1b92d34f5e8d7a3b60c29e81f5",
        EventIds.Hidden => "b8d2e47a10c64c3f95e16d08a7f3c24b",
        EventIds.Foreign => "6c91f3d5e8a24b07b3d48c1e5f70a926",
        EventIds.NodeLimit => "ab56c1efb2d94be7b1c9b35c0a2b8c14",
        EventIds.NamesFault => "1d8f0b6e5c7a4e92b3a4d05f9e6c7281",
        EventIds.NamesWarning => "7e2c94d1a05f4b38962d3fb1c8e0a574",
        EventIds.MetricsNotShown => "1435e99dfa6f4535b526f8085737a98c",
        EventIds.FlowRecordsNotWritten => "3b7d50c2e1984c6fa80d94f6b21e7a35",
        EventIds.FlowRecordsLost => "e5a91f0c6d724b38b6c2078d3f4e91ab",
        EventIds.NodeRoom => "c07d5e1b94f24a6f8e3b61d2a95c7f08",
        EventIds.FlowOffload => "5e8d1c3a7b904f62a1d4e09c36b7f25a",
        _ => null,
    };
}
