namespace EgressAgent.Engine;

/// <summary>
/// The numbers of the events that an operator may act on. They are stable, and so are the journal's message ids that belong to
/// them. What is a warning is told under the same number when it is over.
/// </summary>
public static class EventIds
{
    public const int Accepted = 1;
    public const int Step = 2;
    public const int InForce = 3;
    public const int Removed = 4;
    public const int Drift = 5;
    public const int Waiting = 6;
    public const int Failed = 7;
    public const int Adopted = 8;
    public const int WorkerFailed = 9;
    public const int Contested = 10;
    public const int Fight = 12;
    public const int Shortcoming = 14;
    public const int ServiceUnavailable = 15;
    public const int ExternalAddress = 16;
    public const int Failover = 17;
    public const int ClusterUnreachable = 18;

    // The daemon's own.
    public const int Ready = 20;
    public const int Stopped = 21;
    public const int FileFault = 22;
    public const int FileWarning = 23;
    public const int DirectoryUnreadable = 24;
    public const int StateSetAside = 25;
    public const int StateUnreadable = 26;
    public const int BusServed = 27;
    public const int BusUnavailable = 28;
    public const int BusFault = 29;
    public const int StateNotSaved = 30;
    public const int SettingsFault = 40;
    public const int SettingsWarning = 41;
    public const int Unwatched = 42;
    public const int StateInUse = 43;
    public const int Hidden = 44;
    public const int Foreign = 45;
    public const int NodeLimit = 46;
    public const int NamesFault = 47;
    public const int NamesWarning = 48;
    public const int MetricsNotShown = 49;
    public const int FlowRecordsNotWritten = 50;
    public const int FlowRecordsLost = 51;
    public const int NodeRoom = 52;
    public const int FlowOffload = 53;
}
