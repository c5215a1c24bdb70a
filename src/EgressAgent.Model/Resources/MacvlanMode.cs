namespace EgressAgent.Model.Resources;

/// <summary>How the macvlan treats others on the same master: <c>spec.networkInterface.macvlan.mode</c>.</summary>
public enum MacvlanMode
{
    Bridge,
    Private,
    VEPA,
    Passthru,
}
