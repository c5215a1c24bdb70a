namespace EgressAgent.Model.Yaml;

/// <summary>Guesses what a misspelt word was meant to be.</summary>
internal static class Suggestion
{
    private const int LongestWord = 64;

    /// <summary><c>; did you mean `port`?</c>, or an empty text when nothing is near.</summary>
    public static string For(string word, IEnumerable<string> candidates) =>
        Nearest(word, candidates) is { } nearest ? $"; did you mean `{nearest}`?" : "";

    /// <summary>The candidate that differs in case only, else the nearest one that shares about two thirds of its letters.</summary>
    public static string? Nearest(string word, IEnumerable<string> candidates)
    {
        if (word.Length is 0 or > LongestWord)
        {
            return null;
        }

        string folded = word.Trim().ToUpperInvariant();
        return candidates
            .Select(candidate => (Candidate: candidate, Distance: Distance(folded, candidate.ToUpperInvariant())))
            .Where(near => near.Distance <= Math.Max(near.Candidate.Length, folded.Length) / 3)
            .OrderBy(near => near.Distance)
            .Select(near => near.Candidate)
            .FirstOrDefault();
    }

    /// <summary>Letters to insert, drop, replace or swap with their neighbour (optimal string alignment).</summary>
    private static int Distance(string a, string b)
    {
        int[] beforeLast = new int[b.Length + 1];
        int[] last = [.. Enumerable.Range(0, b.Length + 1)];
        for (int i = 1; i <= a.Length; i++)
        {
            int[] row = new int[b.Length + 1];
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int replace = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                row[j] = Math.Min(replace, Math.Min(last[j], row[j - 1]) + 1);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                {
                    row[j] = Math.Min(row[j], beforeLast[j - 2] + 1);
                }
            }

            (beforeLast, last) = (last, row);
        }

        return last[b.Length];
    }
}
