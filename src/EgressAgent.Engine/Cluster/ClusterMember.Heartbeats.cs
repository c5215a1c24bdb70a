namespace EgressAgent.Engine.Cluster;

// What the node says to the others, and hears from them, without etcd.
public sealed partial class ClusterMember
{
    private readonly HeartbeatSocket? _heartbeats;
    private readonly MemberNote _note;

    // Of an earlier agent, until etcd has told.
    private IReadOnlyDictionary<string, string> _formerPlaces = new Dictionary<string, string>();
    private string? _key;
    private long _notedRevision;

    private void Remember()
    {
        if (_heartbeats is not null && _note.Read() is { } note)
        {
            (_formerPlaces, _key) = (note.Places, note.Key);
            _heartbeats.Key = Convert.FromHexString(note.Key);
        }
    }

    // The next agent may start while etcd is away.
    private void NoteMembers()
    {
        if (_heartbeats is null || !_agreement.IsInformed || _agreement.View.HeartbeatKey is not { } key || (key, _agreement.View.Revision) == (_key, _notedRevision))
        {
            return;
        }

        if (key != _key)
        {
            _key = key;
            _heartbeats.Key = Convert.FromHexString(key);
        }

        _notedRevision = _agreement.View.Revision;
        Dictionary<string, string> places = _agreement.View.Nodes.Where(node => node.Key != Node && node.Value.Record.Heartbeat is not null)
            .ToDictionary(node => node.Key, node => node.Value.Record.Heartbeat!, StringComparer.Ordinal);
        _note.Write(key, places.OrderBy(place => place.Key, StringComparer.Ordinal));
        _flows?.Follow(
            key,
            places.Where(place => _agreement.View.Alive.ContainsKey(place.Key)).ToDictionary(StringComparer.Ordinal),
            router => Find(router) is { IsHolder: true } holding ? holding.Token : null);
    }

    private void Send(HeartbeatMessage message, string node)
    {
        string? place = _agreement.HasBeenInformed ? _agreement.View.Nodes.GetValueOrDefault(node)?.Record.Heartbeat : _formerPlaces.GetValueOrDefault(node);
        if (node != Node && place is not null)
        {
            _heartbeats?.Send(message, place);
        }
    }

    private void Hear(HeartbeatMessage message, long now)
    {
        if (!message.IsAnswer)
        {
            _agreement.Heard(message.From, message.Beat, now);
        }
        else if (message.To == Node)
        {
            _agreement.Promised(message.From, message.Beat.Lease, message.Beat.Counter, now);
        }
    }
}
