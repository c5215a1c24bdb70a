using EgressAgent.Linux.Bus;
using EgressAgent.Model;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;
using Tmds.DBus.Protocol;

namespace EgressAgent.Daemon.Bus;

/// <summary>One Service on the bus. Belongs to the bus's loop.</summary>
internal sealed class ServiceObject(ServiceStatus status)
{
    internal static readonly BusInterface<ServiceObject> Interface = new BusInterfaceBuilder<ServiceObject>(BusNames.ServiceInterface)
        .Property("Namespace", "s", BusPropertyChange.Constant, (service, ref value) => value.WriteText(service.Status.Id.Namespace))
        .Property("Name", "s", BusPropertyChange.Constant, (service, ref value) => value.WriteText(service.Status.Id.Name))
        .Property("File", "s", BusPropertyChange.Emits, (service, ref value) => value.WriteText(service.Status.File))
        .Property("Generation", "t", BusPropertyChange.Emits, (service, ref value) => value.WriteUInt64((ulong)service.Status.Generation))
        .Property("ClusterIPs", "as", BusPropertyChange.Emits, (service, ref value) => value.WriteTexts(service.Status.ClusterAddresses.Select(address => address.ToString())))
        .Property("ExternalIPs", "as", BusPropertyChange.Emits, (service, ref value) => value.WriteTexts(service.Status.ExternalAddresses.Select(external => external.Address.ToString())))
        .Property("ExternalHolders", "a(sss)", BusPropertyChange.Emits, WriteHolders)
        .Property("Ports", "a(ssqq)", BusPropertyChange.Emits, WritePorts)
        .Property("Routers", "a(sssb)", BusPropertyChange.Emits, WriteRouters)
        .Property("Conditions", "a(sssst)", BusPropertyChange.Emits, (service, ref value) => BusConditions.Write(service.Status.Conditions, ref value))
        .Build();

    internal static readonly string[] ChangingProperties = ["File", "Generation", "ClusterIPs", "ExternalIPs", "ExternalHolders", "Ports", "Routers", "Conditions"];

    /// <summary>Replaced by every change.</summary>
    internal ServiceStatus Status { get; set; } = status;

    /// <summary><c>/org/egressagent/Agent1/service/default/web</c>, encoded.</summary>
    internal static string PathOf(ResourceKey key) => BusPath.Encode($"{BusNames.RootPath}/service", key.Namespace, key.Name);

    private static void WritePorts(ServiceObject service, ref MessageWriter value)
    {
        ArrayStart ports = value.WriteArrayStart(DBusType.Struct);
        foreach (ServicePortSpec port in service.Status.Ports)
        {
            value.WriteStructureStart();
            value.WriteText(port.Name);
            value.WriteText(port.Protocol.ToString());
            value.WriteUInt16(port.Port);
            value.WriteUInt16(port.TargetPort);
        }

        value.WriteArrayEnd(ports);
    }

    private static void WriteHolders(ServiceObject service, ref MessageWriter value)
    {
        ArrayStart holders = value.WriteArrayStart(DBusType.Struct);
        foreach (ExternalAddress external in service.Status.ExternalAddresses)
        {
            if (external.Holder is { } holder)
            {
                value.WriteStructureStart();
                value.WriteText(external.Address.ToString());
                value.WriteText(holder.Namespace);
                value.WriteText(holder.Name);
            }
        }

        value.WriteArrayEnd(holders);
    }

    private static void WriteRouters(ServiceObject service, ref MessageWriter value)
    {
        ArrayStart routers = value.WriteArrayStart(DBusType.Struct);
        foreach (ServiceRouter router in service.Status.Routers)
        {
            value.WriteStructureStart();
            value.WriteText(router.Key.Namespace);
            value.WriteText(router.Key.Name);
            value.WriteText(router.State.ToText());
            value.WriteBool(router.IsAvailable);
        }

        value.WriteArrayEnd(routers);
    }
}
