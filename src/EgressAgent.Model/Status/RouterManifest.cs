using System.Globalization;
using System.Text.Json;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Validation;

namespace EgressAgent.Model.Status;

/// <summary>A router as the custom resource that Kubernetes would show, with its status.</summary>
public static class RouterManifest
{
    /// <summary>
    /// One JSON object. As a router file, it asks for what is in force. <c>status.conditions</c> is as the custom resource definition of
    /// OpenShift has it.
    /// </summary>
    public static string Write(EgressRouterResource router, long generation, ValueList<Condition> conditions) =>
        EgressRouterWriter.WriteJson(router, generation, json => WriteStatus(json, conditions));

    private static void WriteStatus(Utf8JsonWriter json, ValueList<Condition> conditions)
    {
        json.WriteStartArray("conditions");
        foreach (Condition condition in conditions)
        {
            json.WriteStartObject();
            json.WriteString("type", condition.Type.ToString());
            json.WriteString("status", condition.StatusText);
            json.WriteString("reason", condition.Reason);
            json.WriteString("message", condition.Message);

            // RFC 3339 to the second, as metav1.Time is.
            json.WriteString("lastTransitionTime", condition.LastTransition.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture));
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
