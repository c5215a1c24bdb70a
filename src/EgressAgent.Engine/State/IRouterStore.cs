using EgressAgent.Model;

namespace EgressAgent.Engine.State;

/// <summary>Where <see cref="RouterRecord"/>s are kept. Thread-safe.</summary>
public interface IRouterStore
{
    IReadOnlyList<RouterRecord> Load();

    /// <summary>Writes a record, in place of the one with the same key. It is on disk when the call returns.</summary>
    /// <exception cref="IOException">It could not be written.</exception>
    void Save(RouterRecord record);

    /// <summary>Forgets a router. That there is none is no error.</summary>
    /// <exception cref="IOException">It could not be written.</exception>
    void Remove(RouterKey key);
}
