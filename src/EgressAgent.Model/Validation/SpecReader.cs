using EgressAgent.Model.Description;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Yaml;

namespace EgressAgent.Model.Validation;

/// <summary>Reads <c>spec</c>. What it returns is usable only when no fault was found.</summary>
internal static class SpecReader
{
    private static readonly Choices<bool> Modes = new(("Redirect", true));

    public static EgressRouterSpec? Read(
        FieldReader document, AnnotationSettings settings, out ReservedAddresses addresses, out RedirectPlaces places)
    {
        addresses = ReservedAddresses.Unread;
        places = RedirectPlaces.None;
        if (document.Read(RouterFields.Spec)?.ReadFields() is not { } spec)
        {
            return null;
        }

        (MacvlanMode mode, string? master) = ReadInterface(spec.Read(RouterFields.NetworkInterface), settings.Failover);
        Field? addressesField = spec.Read(RouterFields.Addresses);
        _ = spec.Read(RouterFields.Mode)?.ReadChoice(Modes);
        Field? redirectField = spec.Read(RouterFields.Redirect);
        spec.Close();

        addresses = AddressesReader.Read(addressesField);
        settings.InsideAddresses?.Check(addresses);
        var (rules, fallback) = new RedirectReader(addresses).Read(redirectField, out places);
        return new EgressRouterSpec
        {
            MacvlanMode = mode,
            Master = master,
            Addresses = addresses.Addresses,
            Rules = rules,
            FallbackIP = fallback,
            Datapath = settings.Datapath,
            Clients = settings.Clients,
            PinnedInsideAddresses = settings.InsideAddresses?.Addresses ?? [],
            MacAddress = settings.MacAddress,
            Failover = settings.Failover,
            FlowLog = settings.FlowLog,
            FlowOffload = settings.FlowOffload,
            LocalProcesses = settings.LocalProcesses,
            PassthruTakesTheNode = settings.PassthruTakesTheNode,
        };
    }

    private static (MacvlanMode Mode, string? Master) ReadInterface(Field? field, FailoverMode failover)
    {
        if (field?.ReadFields() is not { } networkInterface)
        {
            return (MacvlanMode.Bridge, null);
        }

        Field? macvlanField = networkInterface.Read(RouterFields.Macvlan);
        networkInterface.Close();
        if (macvlanField?.ReadFields() is not { } macvlan)
        {
            return (MacvlanMode.Bridge, null);
        }

        Field? modeField = macvlan.Read(RouterFields.MacvlanMode);
        MacvlanMode? mode = modeField?.ReadChoice(RouterChoices.MacvlanModes);
        if (mode == MacvlanMode.Passthru && failover == FailoverMode.Cluster)
        {
            modeField!.Value.Error(
                $"must be `Bridge`, `Private` or `VEPA` with `{RouterAnnotations.Failover}: cluster`: in mode `Passthru` the router has the MAC address of its master, "
                    + "which does not move to the next node with the reserved address");
        }

        Field? masterField = macvlan.Read(RouterFields.Master);
        string? master = masterField?.ReadText("the name of a network interface");
        if (master is "")
        {
            // Go writes a text that was not given as an empty one.
            master = null;
        }
        else if (master is not null && !InterfaceNames.IsValid(master))
        {
            masterField!.Value.Error($"must be the name of a network interface, {InterfaceNames.Rule}, not {YamlScalar.Quote(master)}");
        }
        else if (master is "lo")
        {
            masterField!.Value.Error(
                "`lo` is the loopback interface, which can carry no macvlan; name the interface of the network that the reserved address is in");
        }

        macvlan.Close();
        return (mode ?? MacvlanMode.Bridge, master);
    }
}
