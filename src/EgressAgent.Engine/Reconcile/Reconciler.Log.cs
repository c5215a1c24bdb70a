using EgressAgent.Model;
using Microsoft.Extensions.Logging;

namespace EgressAgent.Engine.Reconcile;

public sealed partial class Reconciler
{
    [LoggerMessage(Level = LogLevel.Debug, Message = "{Router}: a pass over it begins")]
    private partial void LogPass(RouterKey router);

    [LoggerMessage(EventId = EventIds.Adopted, EventName = nameof(EventIds.Adopted), Level = LogLevel.Warning,
        Message = "{Router}: not in the state database, but in the kernel; keeping its inside addresses {InsideAddresses}")]
    private partial void LogAdopted(RouterKey router, string insideAddresses);
}
