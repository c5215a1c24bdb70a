using System.Globalization;
using EgressAgent.Control.Agent;

namespace EgressAgent.Control.Printing;

/// <summary>Services, and what is wrong with them.</summary>
internal static class ServicesPage
{
    internal static void Print(Screen screen, IReadOnlyList<ServiceView> services)
    {
        if (services.Count == 0)
        {
            screen.Line("no Service");
            return;
        }

        Columns table = new("SERVICE", "STATE", "ADDRESSES", "PORTS", "ROUTERS");
        foreach (ServiceView service in services)
        {
            table.Add(
                service.Title,
                Words.State(service.State),
                Words.OrNone([.. service.ClusterIPs, .. service.ExternalIPs.Select(address => Describe(service, address))]),
                Words.OrNone([.. service.Ports.Select(Describe)]),
                Words.OrNone([.. service.Routers.Select(router => $"{router.Namespace}/{router.Name} ({router.State})")]));
        }

        table.Print(screen);
        ServiceView[] troubled = [.. services.Where(service => !service.IsWell)];
        if (troubled.Length > 0)
        {
            screen.Line();
        }

        foreach (ServiceView service in troubled)
        {
            screen.Line($"{service.Title}: {service.Message}", Words.Doubtful);
        }
    }

    private static string Describe(ServiceView service, string external) =>
        service.ExternalHolders.FirstOrDefault(holder => holder.Address == external) is { } holder
            ? $"{external} ({holder.Namespace}/{holder.Name})"
            : $"{external} (no router)";

    // The port of the routers where it is another: 80/TCP to 8080
    private static string Describe(ServicePortView port) => port.Port == port.TargetPort
        ? string.Create(CultureInfo.InvariantCulture, $"{port.Port}/{port.Protocol}")
        : string.Create(CultureInfo.InvariantCulture, $"{port.Port}/{port.Protocol} to {port.TargetPort}");
}
