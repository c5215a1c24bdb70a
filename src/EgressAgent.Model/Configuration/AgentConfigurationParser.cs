using System.Net;
using EgressAgent.Model.Description;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Validation;
using EgressAgent.Model.Yaml;

namespace EgressAgent.Model.Configuration;

/// <summary>Reads the agent's configuration: <c>/etc/egress-agentd/agentd.yaml</c>.</summary>
public static class AgentConfigurationParser
{
    /// <summary>The largest file that is read: 4 MiB.</summary>
    public const int MaxBytes = YamlLimits.FileBytes;

    /// <summary>Whether a file says that it is the agent's configuration.</summary>
    public static bool IsOne(ReadOnlySpan<byte> content) =>
        YamlReader.Read("", content, out _) is [{ Root: YamlMapping root }, ..] && root.Find("kind")?.Value is YamlScalar { Text: SettingsFields.KindWord };

    /// <summary>Reads and checks a whole file; no content makes it throw. A file without a document is all defaults.</summary>
    /// <param name="path">What the locations of the findings say; nothing is opened.</param>
    /// <param name="content">The bytes of the file.</param>
    public static AgentConfigurationFile Parse(string path, ReadOnlySpan<byte> content)
    {
        List<YamlDocument> documents = YamlReader.Read(path, content, out Diagnostic? refusal);
        FaultList faults = new();
        faults.AddRange(documents.SelectMany(document => document.Faults));
        if (refusal is not null)
        {
            faults.AddRange([refusal]);
        }

        foreach (YamlDocument extra in documents.Skip(1))
        {
            faults.Error(extra.Start, null, "the file must hold one document, not several");
        }

        AgentConfiguration configuration = documents is [{ IsComplete: true, Root: { } root }, ..]
            ? Read(new Field(root, null, faults))
            : AgentConfiguration.Default;
        return new AgentConfigurationFile(faults.HasErrors ? null : configuration, faults.ToValueList());
    }

    private static AgentConfiguration Read(Field document)
    {
        AgentConfiguration defaults = AgentConfiguration.Default;
        if (document.ReadFields() is not { } fields)
        {
            return defaults;
        }

        CheckWord(fields, SettingsFields.ApiVersion, SettingsFields.ApiVersionWord);
        CheckWord(fields, SettingsFields.Kind, SettingsFields.KindWord);
        fields.Ignore([.. SettingsFields.Document.Ignored]);
        Field? inside = fields.Read(SettingsFields.InsideNetworks);
        Field? service = fields.Read(SettingsFields.ServiceNetworks);
        ValueList<IPNetwork>? insideNetworks = inside is { } insideField ? NetworkListReader.Read(insideField) : null;
        ValueList<IPNetwork>? serviceNetworks = service is { } serviceField ? NetworkListReader.Read(serviceField) : null;
        AgentConfiguration configuration = new()
        {
            InsideNetworks = insideNetworks ?? defaults.InsideNetworks,
            ServiceNetworks = serviceNetworks ?? defaults.ServiceNetworks,
            Datapath = fields.Read(SettingsFields.Datapath)?.ReadChoice(RouterChoices.Datapaths) ?? defaults.Datapath,
            AddressConflictDetection = fields.Read(SettingsFields.AddressConflictDetection)?.ReadBoolean() ?? defaults.AddressConflictDetection,
            Clients = fields.Read(SettingsFields.Clients) is { } clients ? ClientsReader.ReadListOrText(clients) : null,
            FlowLog = fields.Read(SettingsFields.FlowLog)?.ReadChoice(RouterChoices.FlowLogs) ?? defaults.FlowLog,
            FlowOffload = fields.Read(SettingsFields.FlowOffload)?.ReadChoice(RouterChoices.FlowOffloads, isBareTaken: true) ?? defaults.FlowOffload,
            DrainTimeout = ReadDrainTimeout(fields.Read(SettingsFields.DrainTimeout)) ?? defaults.DrainTimeout,
            EtcHosts = fields.Read(SettingsFields.EtcHosts)?.ReadBoolean() ?? defaults.EtcHosts,
            Metrics = fields.Read(SettingsFields.Metrics) is { } metrics ? MetricsReader.Read(metrics) : defaults.Metrics,
            FlowRecords = fields.Read(SettingsFields.FlowRecords) is { } records ? FlowRecordsReader.Read(records) : defaults.FlowRecords,
            Cluster = fields.Read(SettingsFields.Cluster) is { } cluster ? ClusterReader.Read(cluster) : null,
        };
        fields.Close();

        if (service is { } servicePlace)
        {
            NetworkListReader.CheckApart(servicePlace, configuration.ServiceNetworks, configuration.InsideNetworks, "insideNetworks");
        }
        else if (inside is { } insidePlace)
        {
            NetworkListReader.CheckApart(insidePlace, configuration.InsideNetworks, configuration.ServiceNetworks, "serviceNetworks");
        }

        return configuration;
    }

    private static TimeSpan? ReadDrainTimeout(Field? field) =>
        field is { } given ? DurationText.Read(given, maximum: TimeSpan.FromHours(1)) : null;

    private static void CheckWord(FieldReader fields, FieldRule rule, string expected)
    {
        if (fields.Read(rule) is { } field && field.ReadText($"`{expected}`") is { } text && text != expected)
        {
            field.Error($"must be `{expected}`, not {YamlScalar.Quote(text)}");
        }
    }
}

/// <summary>What the agent's configuration file says.</summary>
/// <param name="Configuration">Null when a finding is an error.</param>
/// <param name="Diagnostics">Every fault and warning, in the order of the file.</param>
public sealed record AgentConfigurationFile(AgentConfiguration? Configuration, ValueList<Diagnostic> Diagnostics);
