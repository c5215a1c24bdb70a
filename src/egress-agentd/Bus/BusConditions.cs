using EgressAgent.Linux.Bus;
using EgressAgent.Model;
using EgressAgent.Model.Status;
using Tmds.DBus.Protocol;

namespace EgressAgent.Daemon.Bus;

/// <summary>Conditions as <c>a(sssst)</c>: type, status, reason, message, microseconds since 1970.</summary>
internal static class BusConditions
{
    internal static void Write(ValueList<Condition> conditions, ref MessageWriter value)
    {
        ArrayStart array = value.WriteArrayStart(DBusType.Struct);
        foreach (Condition condition in conditions)
        {
            value.WriteStructureStart();
            value.WriteText(condition.Type.ToString());
            value.WriteText(condition.StatusText);
            value.WriteText(condition.Reason);
            value.WriteText(condition.Message);
            value.WriteUInt64((ulong)condition.LastTransition.ToUnixTimeMilliseconds() * 1000);
        }

        value.WriteArrayEnd(array);
    }
}
