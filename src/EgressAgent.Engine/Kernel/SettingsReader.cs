using EgressAgent.Linux.Namespaces;
using EgressAgent.Model;
using EgressAgent.Model.Planning;

namespace EgressAgent.Engine.Kernel;

/// <summary>Reads the same settings of many network namespaces. Most have the same values, and share what says so. Thread-safe.</summary>
/// <param name="keys">What to read, without what a namespace does not have.</param>
internal sealed class SettingsReader(IEnumerable<string> keys)
{
    private readonly SysctlSet _settings = new(keys);
    private ValueList<SysctlEntry> _last = [];

    /// <exception cref="Linux.LinuxException">The kernel refused.</exception>
    internal ValueList<SysctlEntry> Read(NetworkNamespace netns)
    {
        IReadOnlyList<string?> values = _settings.Read(netns);
        ValueList<SysctlEntry> last = Volatile.Read(ref _last);
        List<SysctlEntry>? entries = null;
        int count = 0;
        for (int index = 0; index < values.Count; index++)
        {
            if (values[index] is not { } value)
            {
                continue;
            }

            SysctlEntry? same = count < last.Count && last[count].Key == _settings.Keys[index] && last[count].Value == value ? last[count] : null;
            if (same is null)
            {
                entries ??= [.. last.Take(count)];
            }

            entries?.Add(same ?? new SysctlEntry(_settings.Keys[index], value));
            count++;
        }

        if (entries is null && count == last.Count)
        {
            return last;
        }

        ValueList<SysctlEntry> read = (entries ?? last.Take(count)).ToValueList();
        Volatile.Write(ref _last, read);
        return read;
    }
}
