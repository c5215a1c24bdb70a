using EgressAgent.Linux.Bus;
using EgressAgent.Model;
using EgressAgent.Model.Status;
using Tmds.DBus.Protocol;

namespace EgressAgent.Daemon.Bus;

/// <summary>What was found of flows, as <c>aa{sv}</c>: org.egressagent.Agent1(5) has the keys.</summary>
internal static class BusFlows
{
    /// <summary>Of the last year but one that a time can have, so that what is worked out of it has a place.</summary>
    internal const ulong LastMicrosecond = 253_370_764_799_999_999;

    internal static void Write(FlowFinding finding, ref MessageWriter body)
    {
        ArrayStart all = body.WriteArrayStart(DBusType.Array);
        foreach (FoundFlow flow in finding.Flows)
        {
            Write("flow", flow, ref body);
        }

        foreach (FoundFlow flow in finding.Nearest)
        {
            Write("nearest", flow, ref body);
        }

        foreach (string note in finding.Notes)
        {
            ArrayStart entry = body.WriteDictionaryStart();
            WriteEntry("Kind", "note", ref body);
            WriteEntry("Note", note, ref body);
            body.WriteDictionaryEnd(entry);
        }

        body.WriteArrayEnd(all);
    }

    private static void Write(string kind, FoundFlow flow, ref MessageWriter body)
    {
        ArrayStart entry = body.WriteDictionaryStart();
        WriteEntry("Kind", kind, ref body);
        WriteEntry("State", flow.State.ToString().ToLowerInvariant(), ref body);
        WriteEntry("Router", flow.Router, ref body);
        WriteEntry("Rule", flow.Rule, ref body);
        WriteEntry("Protocol", flow.Protocol, ref body);
        WriteEntry("Client", flow.Client, ref body);
        WriteEntry("Source", flow.Source, ref body);
        WriteEntry("Destination", flow.Destination, ref body);
        WriteEntry("Unit", flow.Unit, ref body);
        WriteEntry("Container", flow.Container, ref body);
        WriteEntry("Masqueraded", flow.Masqueraded, ref body);
        WriteEntry("Start", flow.Start, ref body);
        WriteEntry("End", flow.End, ref body);
        WriteEntry("BytesTo", flow.BytesTo, ref body);
        WriteEntry("BytesFrom", flow.BytesFrom, ref body);
        body.WriteDictionaryEnd(entry);
    }

    // What does not apply is left out.
    private static void WriteEntry(string key, string value, ref MessageWriter body)
    {
        if (value.Length > 0)
        {
            body.WriteDictionaryEntryStart();
            body.WriteString(key);
            body.WriteSignature("s"u8);
            body.WriteText(value);
        }
    }

    private static void WriteEntry(string key, DateTimeOffset? value, ref MessageWriter body)
    {
        if (value is { } time)
        {
            WriteEntry(key, (ulong)UnixTime.MicrosecondsOf(time), ref body);
        }
    }

    private static void WriteEntry(string key, ulong value, ref MessageWriter body)
    {
        body.WriteDictionaryEntryStart();
        body.WriteString(key);
        body.WriteSignature("t"u8);
        body.WriteUInt64(value);
    }
}
