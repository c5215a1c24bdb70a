namespace EgressAgent.Testing;

/// <summary>Takes back at the end of a scope what a test did to a lab that others use after it.</summary>
public sealed class Undo(Action action) : IDisposable
{
    public void Dispose() => action();
}
