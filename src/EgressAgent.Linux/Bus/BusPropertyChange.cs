namespace EgressAgent.Linux.Bus;

/// <summary>What a client may expect of <c>PropertiesChanged</c> for a property (the EmitsChangedSignal annotation).</summary>
public enum BusPropertyChange
{
    /// <summary>Each change is announced with the new value.</summary>
    Emits,

    /// <summary>Each change is announced without the value, which is costly or large.</summary>
    Invalidates,

    /// <summary>The value never changes while the object lives.</summary>
    Constant,

    /// <summary>Changes are not announced; a client that wants the value asks for it. For counters.</summary>
    Silent,
}
