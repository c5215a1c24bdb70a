using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace EgressAgent.Linux.Cgroups;

/// <summary>
/// What a control group says of who is in it, by the rules of systemd (https://systemd.io/CGROUP_DELEGATION, sd_pid_get_unit(3)) and
/// by the names that container engines give.
/// </summary>
/// <param name="Unit">
/// The system's unit, <c>cron.service</c>; of a user's own unit <c>user@1000.service/backup.service</c>. Null where there is none, and
/// where it is nothing but the container's.
/// </param>
/// <param name="Container">The container.</param>
public sealed partial record CgroupPath(string? Unit, CgroupContainer? Container)
{
    private static readonly string[] Suffixes =
        [".service", ".scope", ".socket", ".mount", ".swap", ".automount", ".device", ".path", ".target", ".timer"];

    /// <param name="path">Below the root of the hierarchy: <c>/system.slice/cron.service</c>.</param>
    public static CgroupPath Parse(string path)
    {
        string[] parts = [.. path.Split('/', StringSplitOptions.RemoveEmptyEntries).Select(Unescape)];
        CgroupContainer? container = parts.Select((part, index) => ContainerOf(part, index > 0 ? parts[index - 1] : "")).FirstOrDefault(found => found is not null);
        (string? unit, int next) = UnitAfterSlices(parts, 0);
        if (unit is null)
        {
            return new CgroupPath(null, container);
        }

        if (unit.StartsWith("user@", StringComparison.Ordinal) && UnitAfterSlices(parts, next).Unit is { } own)
        {
            return new CgroupPath(ContainerOf(own, "") is null ? $"{unit}/{own}" : unit, container);
        }

        return new CgroupPath(ContainerOf(unit, "") is { } whole && whole == container ? null : unit, container);
    }

    private static (string? Unit, int Next) UnitAfterSlices(string[] parts, int first)
    {
        int place = first;
        while (place < parts.Length && parts[place].EndsWith(".slice", StringComparison.Ordinal))
        {
            place++;
        }

        return place < parts.Length && IsUnit(parts[place]) ? (parts[place], place + 1) : (null, place);
    }

    private static bool IsUnit(string name) => Array.Exists(Suffixes, suffix => name.EndsWith(suffix, StringComparison.Ordinal) && name.Length > suffix.Length)
        && name.All(letter => char.IsAsciiLetterOrDigit(letter) || ":-_.\\@".Contains(letter));

    // systemd puts an underscore before what could be taken for a file of the kernel's (cg_escape).
    private static string Unescape(string part) => part.StartsWith('_') ? part[1..] : part;

    private static CgroupContainer? ContainerOf(string part, string parent)
    {
        if (Engine().Match(part) is { Success: true } match)
        {
            return new CgroupContainer(match.Groups["engine"].Value, match.Groups["id"].Value);
        }

        if (parent == "docker" && Id().IsMatch(part))
        {
            return new CgroupContainer("docker", part);
        }

        return part.StartsWith("machine-", StringComparison.Ordinal) && part.EndsWith(".scope", StringComparison.Ordinal)
                ? new CgroupContainer("machine", UnescapeName(part["machine-".Length..^".scope".Length]))
            : part.StartsWith("systemd-nspawn@", StringComparison.Ordinal) && part.EndsWith(".service", StringComparison.Ordinal)
                ? new CgroupContainer("machine", UnescapeName(part["systemd-nspawn@".Length..^".service".Length]))
            : null;
    }

    // unit_name_unescape: a dash is a slash, \x2d a dash.
    private static string UnescapeName(string name)
    {
        List<byte> bytes = [];
        for (int i = 0; i < name.Length; i++)
        {
            if (name[i] == '\\' && i + 3 < name.Length && name[i + 1] == 'x'
                && byte.TryParse(name.AsSpan(i + 2, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte value))
            {
                bytes.Add(value);
                i += 3;
            }
            else
            {
                bytes.AddRange(Encoding.UTF8.GetBytes(name[i] == '-' ? "/" : name[i].ToString()));
            }
        }

        return Encoding.UTF8.GetString([.. bytes]);
    }

    // docker-ID.scope, libpod-ID.scope, libpod-payload-ID and libpod-ID where podman has a service's own group, cri-containerd-ID.scope,
    // crio-ID.scope. conmon watches a container and is in none.
    [GeneratedRegex(@"^(?<engine>docker|libpod|crio|cri-containerd|nerdctl)-(?:payload-)?(?<id>[0-9a-f]{64})(?:\.scope)?$", RegexOptions.ExplicitCapture)]
    private static partial Regex Engine();

    [GeneratedRegex("^[0-9a-f]{64}$")]
    private static partial Regex Id();
}

/// <summary>A container, as its control group names it.</summary>
/// <param name="Engine"><c>docker</c>, <c>libpod</c> for podman, <c>machine</c> for what is registered with systemd-machined, or another's prefix.</param>
/// <param name="Id">The id that the engine has given; of a machine the name.</param>
public sealed record CgroupContainer(string Engine, string Id);
