using System.Collections.Concurrent;

namespace EgressAgent.Linux.Tests.Bus;

/// <summary>Reads a process' output line by line on a thread of its own, so that a test can wait for a line with a deadline.</summary>
internal sealed class LineCollector : IDisposable
{
    private readonly BlockingCollection<string> _lines = [];
    private readonly Thread _reader;

    public LineCollector(StreamReader output)
    {
        _reader = new Thread(() =>
        {
            while (output.ReadLine() is { } line)
            {
                _lines.Add(line);
            }
        })
        { IsBackground = true };
        _reader.Start();
    }

    /// <summary>The next line that holds the text.</summary>
    public string WaitFor(string text)
    {
        using var deadline = new CancellationTokenSource(SampleService.Deadline);
        return _lines.GetConsumingEnumerable(deadline.Token).First(line => line.Contains(text, StringComparison.Ordinal));
    }

    public void Dispose()
    {
        _reader.Join();
        _lines.Dispose();
    }
}
