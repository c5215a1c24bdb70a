namespace EgressAgent.Model.Resources;

/// <summary>The few words that a field takes, and what they mean.</summary>
internal sealed class Choices<T>(params (string Name, T Value)[] choices)
    where T : struct
{
    public IEnumerable<string> Names => choices.Select(choice => choice.Name);

    public T? Find(string name)
    {
        foreach ((string candidate, T value) in choices)
        {
            if (candidate == name)
            {
                return value;
            }
        }

        return null;
    }

    public string NameOf(T value) => choices.First(choice => choice.Value.Equals(value)).Name;

    /// <summary><c>`TCP`, `UDP` or `SCTP`</c></summary>
    public override string ToString()
    {
        string[] quoted = [.. choices.Select(choice => $"`{choice.Name}`")];
        return quoted.Length == 1 ? quoted[0] : $"{string.Join(", ", quoted[..^1])} or {quoted[^1]}";
    }
}
