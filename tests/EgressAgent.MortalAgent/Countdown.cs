using System.Diagnostics;

namespace EgressAgent.MortalAgent;

/// <summary>Counts what is done, and ends the process before one of them. Thread-safe.</summary>
internal sealed class Countdown(int fatal)
{
    private int _done;

    internal int Done => Volatile.Read(ref _done);

    /// <summary>Returns unless this is the fatal one.</summary>
    internal void BeforeDoing(string what)
    {
        if (Interlocked.Increment(ref _done) == fatal)
        {
            Console.WriteLine($"killed before {what}");
            using Process self = Process.GetCurrentProcess();
            self.Kill();

            // The signal has been sent, and nothing more is done until it arrives.
            Thread.Sleep(Timeout.Infinite);
        }
    }
}
