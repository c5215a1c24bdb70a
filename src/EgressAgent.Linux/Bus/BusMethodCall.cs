using Tmds.DBus.Protocol;

namespace EgressAgent.Linux.Bus;

/// <summary>A method call that is being answered.</summary>
public sealed class BusMethodCall
{
    private readonly MethodContext _context;
    private readonly BusLink _link;
    private BusCaller? _caller;

    internal BusMethodCall(MethodContext context, BusLink link)
    {
        _context = context;
        _link = link;
        Sender = context.Request.SenderAsString ?? "";
        Path = context.Request.PathAsString ?? "";
        Interface = context.Request.InterfaceAsString;
        Member = context.Request.MemberAsString ?? "";
        Signature = context.Request.SignatureAsString;
    }

    /// <summary>
    /// The arguments, from the first one on. Their types are those that the method declares: any others have been turned away. To
    /// be read before the first await of a slow method.
    /// </summary>
    public Reader Arguments => _context.Request.GetBodyReader();

    /// <summary>The caller's unique name on the bus: <c>:1.42</c>.</summary>
    public string Sender { get; }

    internal string Path { get; }

    /// <summary>Null where the caller leaves it to the service to find the member.</summary>
    internal string? Interface { get; }

    internal string Member { get; }

    internal string Signature { get; }

    internal bool IsIntrospection => _context.IsDBusIntrospectRequest;

    /// <summary>The caller, for which the bus is asked once.</summary>
    /// <exception cref="BusException">
    /// <see cref="BusErrorNames.AccessDenied"/>: the bus does not say, because the caller has left, for one.
    /// </exception>
    public async Task<BusCaller> GetCallerAsync() => _caller ??= await _link.GetCallerAsync(Sender).ConfigureAwait(false)
        ?? throw new BusException(BusErrorNames.AccessDenied, $"Access denied: the bus does not say who {Sender} is.");

    /// <exception cref="BusException"><see cref="BusErrorNames.AccessDenied"/>: it is not given to this caller.</exception>
    internal async Task DemandAsync(BusAccess access)
    {
        if (access != BusAccess.Everyone && !(await GetCallerAsync().ConfigureAwait(false)).Has(access))
        {
            throw new BusException(BusErrorNames.AccessDenied, access == BusAccess.JournalReaders
                ? "Access denied: this is for root and the groups adm and systemd-journal."
                : "Access denied: this is for root.");
        }
    }

    /// <summary>
    /// Sends the reply. What the writer throws is thrown, and nothing is sent. Who called over an earlier connection has had an
    /// error from the bus.
    /// </summary>
    internal void Reply(string signature, BusBody write)
    {
        if (_link.IsClosed)
        {
            return;
        }

        MessageWriter reply = _context.CreateReplyWriter(signature);
        try
        {
            write(ref reply);
            _context.Reply(reply.CreateMessage());
        }
        finally
        {
            reply.Dispose();
        }
    }

    internal void ReplyIntrospection(ReadOnlySpan<ReadOnlyMemory<byte>> interfaces, IList<string> children)
    {
        if (!_link.IsClosed)
        {
            _context.ReplyIntrospectXml(interfaces, children);
        }
    }

    internal void Fail(BusException error)
    {
        if (!_link.IsClosed)
        {
            _context.ReplyError(error.Name, error.Message);
        }
    }

    /// <summary>Ends the call. A caller that has had no reply by now would wait for ever: there is a defect.</summary>
    internal void End()
    {
        _link.EndCall(Sender);
        if (_link.IsClosed)
        {
            return;
        }

        if (!_context.ReplySent && !_context.NoReplyExpected)
        {
            _context.ReplyError(BusErrorNames.Failed, $"{Member}: internal error; no reply was made.");
        }

        _context.Dispose();
    }
}
