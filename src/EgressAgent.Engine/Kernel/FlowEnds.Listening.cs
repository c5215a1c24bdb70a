using EgressAgent.Engine.Clients;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink.Monitoring;
using EgressAgent.Linux.Systemd;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Kernel;

internal sealed partial class FlowEnds
{
    private sealed class Listening(RedirectPlan plan, NetworkNamespaceId netns, ConntrackMonitor monitor) : IDisposable
    {
        private volatile Tuple<RedirectPlan, RedirectPlan?> _plans = new(plan, null);

        internal NetworkNamespaceId Netns => netns;

        internal ConntrackMonitor Monitor => monitor;

        /// <summary>Of the flows that live.</summary>
        internal FlowClients Clients { get; } = new();

        /// <summary>Hears of flows that begin, where the other one does not; it belongs to this.</summary>
        internal volatile ConntrackMonitor? Starts;

        /// <summary>The name under which a store keeps the socket.</summary>
        internal string? KeptAs { get; set; }

        /// <summary>The one in force, and the one before.</summary>
        internal (RedirectPlan Plan, RedirectPlan? Former) Plans => (_plans.Item1, _plans.Item2);

        internal void Follow(RedirectPlan plan)
        {
            RedirectPlan before = _plans.Item1;
            if (before != plan)
            {
                monitor.HearStarts(plan.FlowLog == FlowLogMode.All);
                _plans = new(plan, before);
            }
        }

        internal void Close(DescriptorStore? store)
        {
            if (KeptAs is { } name)
            {
                store?.Forget(name);
            }

            Dispose();
        }

        public void Dispose()
        {
            monitor.Dispose();
            Starts?.Dispose();
        }
    }
}
