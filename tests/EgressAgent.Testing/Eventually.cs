using System.Diagnostics;
using System.Globalization;

namespace EgressAgent.Testing;

/// <summary>Waits for a condition by polling it, never by sleeping for a guessed time.</summary>
public static class Eventually
{
    /// <summary>
    /// Generous, as it is spent only when a test is about to fail, and the kernel's locks are shared by all sandboxes of a slow machine;
    /// shorter than the agent's full pass each minute, which would mend what an event should have told. The environment variable
    /// EGRESS_TEST_DEADLINE has other seconds, for what is too much for an emulated processor.
    /// </summary>
    public static readonly TimeSpan DefaultDeadline =
        TimeSpan.FromSeconds(int.TryParse(Environment.GetEnvironmentVariable("EGRESS_TEST_DEADLINE"), CultureInfo.InvariantCulture, out int seconds) ? seconds : 45);

    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(5);

    /// <summary>Returns as soon as <paramref name="condition"/> holds.</summary>
    /// <param name="what">Completes the sentence "waited 45 s for …".</param>
    /// <param name="condition">What is polled.</param>
    /// <param name="within">The deadline; <see cref="DefaultDeadline"/> if not given.</param>
    /// <param name="otherwise">What a reader needs to know when the deadline passes, asked then.</param>
    /// <returns>How long it took.</returns>
    /// <exception cref="TimeoutException">The deadline passed.</exception>
    public static TimeSpan True(string what, Func<bool> condition, TimeSpan? within = null, Func<string>? otherwise = null)
    {
        Stopwatch clock = Stopwatch.StartNew();
        TimeSpan deadline = within ?? DefaultDeadline;
        while (!condition())
        {
            if (clock.Elapsed > deadline)
            {
                throw new TimeoutException($"Waited {deadline.TotalSeconds:0.#} s for {what}. {otherwise?.Invoke()}".TrimEnd());
            }

            Thread.Sleep(PollInterval);
        }

        return clock.Elapsed;
    }

    /// <summary>
    /// Returns as soon as <paramref name="assertion"/> throws nothing; when the deadline passes, its last exception comes through.
    /// </summary>
    public static void Holds(Action assertion, TimeSpan? within = null)
    {
        Stopwatch clock = Stopwatch.StartNew();
        TimeSpan deadline = within ?? DefaultDeadline;
        while (true)
        {
            try
            {
                assertion();
                return;
            }
            catch (Exception) when (clock.Elapsed <= deadline)
            {
                Thread.Sleep(PollInterval);
            }
        }
    }
}
