using EgressAgent.Linux;
using EgressAgent.Linux.Files;
using EgressAgent.Model;

namespace EgressAgent.Engine.Kernel;

/// <summary>
/// Whose routers are whose: the agent of this installation with this state directory. What is in the directory does not matter, so a
/// lost database changes nothing of it.
/// </summary>
/// <param name="Id">16 hexadecimal digits.</param>
/// <param name="StateDirectory">Its real path, for people.</param>
public sealed record AgentOwner(string Id, string StateDirectory)
{
    /// <param name="stateDirectory">Need not exist.</param>
    /// <exception cref="IOException">The machine-id is there and cannot be read.</exception>
    public static AgentOwner Of(string stateDirectory)
    {
        string path = RealPath.Of(stateDirectory);
        byte[] hash = Sha256.Hash($"{MachineId.Read()} {path}");
        return new AgentOwner(Convert.ToHexStringLower(hash.AsSpan(0, 8)), path);
    }
}
