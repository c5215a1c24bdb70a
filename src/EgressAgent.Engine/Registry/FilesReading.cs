using EgressAgent.Model;
using EgressAgent.Model.Validation;

namespace EgressAgent.Engine.Registry;

/// <summary>What a look at the directory of router files found.</summary>
/// <param name="Directory">The directory.</param>
/// <param name="Read">The files that are new, or another version of what they were.</param>
/// <param name="Gone">The paths of those that are not there any more.</param>
/// <param name="Problem">Why the directory could not be looked at; null when it could.</param>
/// <param name="IsFirst">
/// Whether it is the first look since the start, or since the directory was lost. That no file is there may then mean that a file
/// system is not mounted.
/// </param>
public sealed record FilesReading(
    string Directory, IReadOnlyCollection<RouterFile> Read, IReadOnlyCollection<string> Gone, string? Problem = null, bool IsFirst = false);

/// <summary>What became different in the registry.</summary>
/// <param name="Resources">The routers that are due, and the Services that are others than before or gone.</param>
/// <param name="AreFaultsChanged">Whether <see cref="ResourceRegistry.Faults"/> are others than before.</param>
public sealed record RegistryChange(IReadOnlyList<ResourceKey> Resources, bool AreFaultsChanged)
{
    /// <summary>The routers that are due.</summary>
    public IEnumerable<RouterKey> Routers => Resources.Select(resource => resource.Router).OfType<RouterKey>();
}
