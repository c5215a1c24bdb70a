namespace EgressAgent.Model.Validation;

/// <summary>What a file may say although this version does not do it yet. Whoever writes it is told.</summary>
internal static class NotServed
{
    public const string FlowLog = "this version writes no flow log; the setting is kept, and does nothing yet";
}
