using System.Globalization;
using System.Text;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Validation;

namespace EgressAgent.Model.Yaml;

/// <summary>
/// Writes a router as the one canonical document that <see cref="RouterFileParser"/> reads back to the same value, but for the
/// source location. Equal routers give equal texts. The state database keeps the last good spec in this form.
/// </summary>
public static class EgressRouterWriter
{
    public static string Write(EgressRouterResource router)
    {
        StringBuilder text = new();
        text.AppendLine(CultureInfo.InvariantCulture, $"apiVersion: {ManifestKind.EgressRouter.ApiVersion}");
        text.AppendLine(CultureInfo.InvariantCulture, $"kind: {ManifestKind.EgressRouter.Name}");
        WriteMetadata(text, router);
        WriteSpec(text, router.Spec);
        return text.ToString();
    }

    private static void WriteMetadata(StringBuilder text, EgressRouterResource router)
    {
        text.AppendLine("metadata:");
        Field(text, 1, "name", Quote(router.Key.Name));
        Field(text, 1, "namespace", Quote(router.Key.Namespace));
        text.AppendLine("  labels:");
        foreach ((string key, string value) in router.Labels)
        {
            Field(text, 2, Quote(key), Quote(value));
        }

        (string Key, string? Value)[] annotations =
        [
            (RouterAnnotations.Clients, router.Spec.Clients?.ToString()),
            (RouterAnnotations.Datapath, router.Spec.Datapath is { } datapath ? RouterChoices.Datapaths.NameOf(datapath) : null),
            (RouterAnnotations.FlowLog, router.Spec.FlowLog is { } flowLog ? RouterChoices.FlowLogs.NameOf(flowLog) : null),
            (RouterAnnotations.InsideAddress,
                router.Spec.PinnedInsideAddresses is { Count: > 0 } pinned ? string.Join(", ", pinned) : null),
            (RouterAnnotations.MacAddress, router.Spec.MacAddress?.ToColonString()),
        ];
        if (annotations.Any(annotation => annotation.Value is not null))
        {
            text.AppendLine("  annotations:");
        }

        foreach ((string key, string? value) in annotations)
        {
            Field(text, 2, key, value is null ? null : Quote(value));
        }
    }

    private static void WriteSpec(StringBuilder text, EgressRouterSpec spec)
    {
        text.AppendLine("spec:");
        text.AppendLine("  networkInterface:");
        text.AppendLine("    macvlan:");
        Field(text, 3, "mode", RouterChoices.MacvlanModes.NameOf(spec.MacvlanMode));
        Field(text, 3, "master", spec.Master is null ? null : Quote(spec.Master));
        text.AppendLine("  addresses:");
        foreach (AddressSpec address in spec.Addresses)
        {
            Field(text, 1, "- ip", Quote(address.Address.ToString()));
            Field(text, 2, "gateway", address.Gateway is null ? null : Quote(address.Gateway.ToString()));
        }

        text.AppendLine("  mode: Redirect");
        text.AppendLine(spec.Rules.Count == 0 && spec.FallbackIP is null ? "  redirect: {}" : "  redirect:");
        if (spec.Rules.Count > 0)
        {
            text.AppendLine("    redirectRules:");
        }

        foreach (RedirectRuleSpec rule in spec.Rules)
        {
            Field(text, 2, "- destinationIP", Quote(rule.Destination.ToString()));
            Field(text, 3, "port", Number(rule.Port));
            Field(text, 3, "targetPort", Number(rule.TargetPort));
            Field(text, 3, "protocol", RouterChoices.Protocols.NameOf(rule.Protocol));
        }

        Field(text, 2, "fallbackIP", spec.FallbackIP is null ? null : Quote(spec.FallbackIP.ToString()));
    }

    private static void Field(StringBuilder text, int depth, string name, string? value)
    {
        if (value is not null)
        {
            text.Append(' ', depth * 2).AppendLine(CultureInfo.InvariantCulture, $"{name}: {value}");
        }
    }

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Quote(string value)
    {
        StringBuilder quoted = new("\"");
        foreach (Rune rune in value.EnumerateRunes())
        {
            quoted.Append(rune.Value switch
            {
                '"' or '\\' => $"\\{rune}",
                >= ' ' and < 0x7F => rune.ToString(),
                _ => $"\\U{rune.Value:X8}",
            });
        }

        return quoted.Append('"').ToString();
    }
}
