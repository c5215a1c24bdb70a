namespace EgressAgent.Control.Setup;

/// <summary>A rule of iptables(8), in words that wait for the lock.</summary>
/// <param name="Tool"><c>iptables</c> or <c>ip6tables</c>.</param>
/// <param name="Table">The option for its table, with a space after it; empty for the table <c>filter</c>.</param>
/// <param name="Words">Its chain, matches and target.</param>
internal sealed record IptablesRule(string Tool, string Table, string Words)
{
    internal bool IsIPv6 => Tool == "ip6tables";

    internal string Has => $"{Tool} -w {Table}-C {Words}";

    internal string Insert => $"{Tool} -w {Table}-I {Words}";

    internal string Delete => $"{Tool} -w {Table}-D {Words}";
}
