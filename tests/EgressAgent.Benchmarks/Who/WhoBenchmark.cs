using System.Diagnostics;
using System.Globalization;
using System.Net;
using EgressAgent.Testing;
using EgressAgent.Testing.Bus;
using EgressAgent.Testing.Journal;
using EgressAgent.Testing.Lab;
using Tmds.DBus.Protocol;

namespace EgressAgent.Benchmarks.Who;

/// <summary>
/// How long the answer to <c>egressctl who</c> takes beside many records: of four reserved addresses, each port of which comes again and
/// again, in a real journald's files on disk. Agent and egressctl are the native binaries of packaging/build.
/// </summary>
internal static class WhoBenchmark
{
    private const int Addresses = 4;
    private const int FirstPort = 1024;
    private const int Ports = 64_512;
    private const int Questions = 100;
    private const int ColdQuestions = 20;

    // Of one port, more than are read for one answer.
    private const int OfBusyPort = 50_000;

    internal static int Run(string[] arguments)
    {
        int count = arguments is [var number] ? int.Parse(number, CultureInfo.InvariantCulture) : 1_000_000;
        using PrivateBus bus = PrivateBus.Start();
        using PrivateJournal journal = PrivateJournal.Start(isOnDisk: true);
        using var files = new AgentFiles { Bus = bus.Address };
        files.Configure($"flowRecords: {{namespace: {journal.Namespace}}}");
        files.WriteNone();
        long began = Stopwatch.GetTimestamp();
        DateTimeOffset[] times = Write(journal, count);
        Console.WriteLine($"{count} records written in {Stopwatch.GetElapsedTime(began).TotalSeconds:F0} s, {journal.Size / 1e9:F2} GB in files");

        using var lab = new EgressLab();
        AgentProcess agent = lab.StartAgent(files);
        Eventually.True("the agent on the bus", () => new Egressctl(bus.Address).Run("status").ExitCode == 0);
        Console.WriteLine($"{"",-52}   p50    p99   longest, ms    agent's processor time each, ms");
        Random random = new(1);
        int[] asked = [.. Enumerable.Range(0, Questions).Select(_ => random.Next(count))];
        Ask(agent, "FindFlow, a flow that was there", bus, asked.Select(i => (SourceOf(i), times[i])), expected: "flow");
        Ask(agent, "FindFlow, an hour later", bus, asked.Select(i => (SourceOf(i), times[i] + TimeSpan.FromHours(1))), expected: "nearest");
        Ask(agent, "FindFlow, an hour earlier", bus, asked.Select(i => (SourceOf(i), times[i] - TimeSpan.FromHours(1))), expected: "nearest");
        Ask(agent, "FindFlow, an address without records", bus, asked.Select(i => (new IPEndPoint(IPAddress.Parse("192.168.12.1"), SourceOf(i).Port), times[i])), expected: "note");
        Egressctl control = new(bus.Address);
        Print(agent, "egressctl who, a flow that was there", asked.Select(i => Measure(() =>
        {
            CommandResult result = control.Run("who", $"{SourceOf(i)}/tcp", "--at", times[i].ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture));
            Require(result.ExitCode == 0, result.ToString());
        })));

        PrintCold(agent, journal, bus, [.. asked.Take(ColdQuestions).Select(i => (SourceOf(i), times[i]))]);

        // NTP has one port for all.
        IPEndPoint busy = new(IPAddress.Parse("192.168.12.99"), 123);
        DateTimeOffset before = SendBusy(journal, busy, "end");
        Ask(agent, $"FindFlow, a port with {OfBusyPort} records", bus, Enumerable.Repeat((busy, before), 10), expected: "flow");
        IPEndPoint begun = new(IPAddress.Parse("192.168.12.98"), 123);
        SendBusy(journal, begun, "start", "end");
        Ask(agent, "FindFlow, the same with beginnings, at its end", bus, Enumerable.Repeat((begun, DateTimeOffset.UtcNow + TimeSpan.FromHours(2)), 10), expected: "nearest");
        return 0;
    }

    // Nothing of the journal's files is in memory, as far as journald itself does not hold it there.
    private static void PrintCold(AgentProcess agent, PrivateJournal journal, PrivateBus bus, (IPEndPoint Source, DateTimeOffset At)[] questions)
    {
        long read = 0;
        Ask(agent, "FindFlow, the same from files on disk alone", bus, Evicting(), expected: "flow");
        Console.WriteLine($"{"  read from the disk for each, MB",-52} {(ReadBytes(agent) - read) / 1e6 / questions.Length,6:F2}");

        IEnumerable<(IPEndPoint, DateTimeOffset)> Evicting()
        {
            read = ReadBytes(agent);
            foreach ((IPEndPoint, DateTimeOffset) question in questions)
            {
                journal.Evict();
                yield return question;
            }
        }
    }

    private static long ReadBytes(AgentProcess agent) => File.ReadLines($"/proc/{agent.Pid}/io")
        .Where(line => line.StartsWith("read_bytes: ", StringComparison.Ordinal))
        .Select(line => long.Parse(line["read_bytes: ".Length..], CultureInfo.InvariantCulture))
        .Single();

    // As of one hour, the first of which is returned: that it is the next one changes nothing.
    private static DateTimeOffset SendBusy(PrivateJournal journal, IPEndPoint source, params string[] events)
    {
        FlowEntry first = NewEntry(source);
        int count = OfBusyPort / events.Length;
        for (int i = 0; i < count; i++)
        {
            TimeSpan later = TimeSpan.FromHours(1) * i / count;
            foreach (string what in events)
            {
                journal.Send((first with { Event = what, Start = first.Start + later, End = first.End + later }).Text);
            }
        }

        journal.Sync();
        return first.End;
    }

    private static DateTimeOffset[] Write(PrivateJournal journal, int count)
    {
        var times = new DateTimeOffset[count];
        for (int i = 0; i < count; i++)
        {
            FlowEntry entry = NewEntry(SourceOf(i));
            times[i] = entry.End;
            journal.Send(entry.Text);
        }

        journal.Sync();
        return times;
    }

    private static IPEndPoint SourceOf(int number) =>
        new(IPAddress.Parse($"192.168.12.{99 - (number % Addresses)}"), FirstPort + (number / Addresses % Ports));

    private static FlowEntry NewEntry(IPEndPoint source)
    {
        var now = DateTimeOffset.FromUnixTimeMilliseconds(DateTimeOffset.UtcNow.ToUnixTimeMilliseconds());
        return new FlowEntry { Source = source, Client = new IPEndPoint(IPAddress.Parse("10.88.0.7"), source.Port), Start = now - TimeSpan.FromMilliseconds(100), End = now };
    }

    private static void Ask(AgentProcess agent, string what, PrivateBus bus, IEnumerable<(IPEndPoint Source, DateTimeOffset At)> questions, string expected)
    {
        using var connection = new DBusConnection(bus.Address);
        connection.ConnectAsync().AsTask().GetAwaiter().GetResult();
        Print(agent, what, questions.Select(question => Measure(() =>
        {
            MessageWriter call = connection.GetMessageWriter();
            call.WriteMethodCallHeader("org.egressagent.Agent1", "/org/egressagent/Agent1", "org.egressagent.Agent1.Manager", "FindFlow", "sqst");
            call.WriteString(question.Source.Address.ToString());
            call.WriteUInt16((ushort)question.Source.Port);
            call.WriteString("tcp");
            call.WriteUInt64((ulong)((question.At - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond));
            string kind = connection.CallMethodAsync(call.CreateMessage(), (message, _) => FirstKind(message)).GetAwaiter().GetResult();
            Require(kind == expected, $"{what}: {kind}");
        })));
    }

    private static string FirstKind(Message message)
    {
        Reader reader = message.GetBodyReader();
        ArrayEnd end = reader.ReadArrayStart(DBusType.Array);
        return reader.HasNext(end) ? reader.ReadDictionaryOfStringToVariantValue()["Kind"].GetString() : "nothing";
    }

    private static double Measure(Action action)
    {
        long start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }

    private static void Print(AgentProcess agent, string what, IEnumerable<double> milliseconds)
    {
        TimeSpan before = agent.ProcessorTime;
        double[] sorted = [.. milliseconds.Order()];
        double each = (agent.ProcessorTime - before).TotalMilliseconds / sorted.Length;
        Console.WriteLine($"{what,-52} {sorted[sorted.Length / 2],6:F1} {sorted[sorted.Length * 99 / 100],6:F1} {sorted[^1],8:F1} {each,18:F1}");
    }

    private static void Require(bool isSo, string otherwise)
    {
        if (!isSo)
        {
            throw new InvalidOperationException(otherwise);
        }
    }
}
