using System.Net;
using EgressAgent.Model.Status;

namespace EgressAgent.Engine.Clients;

/// <summary>
/// Who the client of a flow is: asked at its beginning, for the record that may be written long after. There is one for each living flow,
/// so it has no more than the answer needs. Thread-safe.
/// </summary>
/// <param name="finder">Who answers.</param>
/// <param name="askedAt">When.</param>
internal sealed class ClientQuestion(ClientFinder finder, DateTimeOffset askedAt)
{
    private static readonly TimeSpan StartTime = TimeSpan.FromSeconds(1);

    private readonly DateTime _askedAt = askedAt.UtcDateTime;
    private ClientIdentity? _identity;
    private IPEndPoint? _masqueraded;
    private DateTime _since;
    private DateTime _until;
    private volatile bool _isAnswered;

    internal DateTimeOffset AskedAt => _askedAt;

    /// <summary>That of a later flow, where who asked keeps several in one place; for its thread alone.</summary>
    internal ClientQuestion? Next { get; set; }

    /// <summary>Whether more will not be known, but for the name of a container.</summary>
    internal bool IsSettled => _isAnswered && _identity?.IsResolved != false;

    /// <summary>Whose socket it was; once.</summary>
    /// <param name="identity">Null where that is not known.</param>
    /// <param name="masqueraded">For whom the node spoke; null where it spoke for itself, or does not translate.</param>
    /// <param name="since">When the kernel was asked.</param>
    /// <param name="until">When it had answered.</param>
    internal void Answer(ClientIdentity? identity, IPEndPoint? masqueraded, DateTimeOffset since, DateTimeOffset until)
    {
        (_identity, _masqueraded, _since, _until) = (identity, masqueraded, since.UtcDateTime, until.UtcDateTime);
        _isAnswered = true;
    }

    /// <summary>It will not be known.</summary>
    internal void AnswerUnknown() => _isAnswered = true;

    /// <summary>
    /// Adds the answer to a record of the flow, if it was found while the flow lived: another one may have had the same ports before
    /// or after. It waits a moment for what is being found out.
    /// </summary>
    internal FlowRecord Complete(FlowRecord record)
    {
        finder.Await(this);
        return _isAnswered && !(_since < record.Start) && !(_until > (record.End ?? record.Start + StartTime))
            ? record with { Unit = _identity?.Unit, Container = _identity?.Container, Masqueraded = _masqueraded }
            : record;
    }
}
