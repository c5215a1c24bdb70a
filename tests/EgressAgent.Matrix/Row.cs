using EgressAgent.Testing.Beside;

namespace EgressAgent.Matrix;

/// <summary>What is found beside one program.</summary>
internal sealed class Row(OtherProgram program)
{
    private readonly Dictionary<ClientKind, IReadOnlyList<string>> _cells = [];

    internal OtherProgram Program => program;

    /// <summary>Its package's version; empty where there is none.</summary>
    internal string Version { get; private set; } = "";

    /// <summary>Of each kind of client that was tried, the commands that let it in.</summary>
    internal IReadOnlyDictionary<ClientKind, IReadOnlyList<string>> Cells => _cells;

    /// <summary>Whether containers were served again only when their engine had mended what the program took away.</summary>
    internal bool IsMended { get; private set; }

    /// <summary>Of a transfer while the program was started anew; null where that was not done.</summary>
    internal TimeSpan? LongestPause { get; private set; }

    /// <summary>What was not as it has to be; null if nothing was.</summary>
    internal string? Failure { get; private set; }

    /// <summary>Tries all of it.</summary>
    internal void Fill()
    {
        string moment = "fresh start";
        try
        {
            using SharedNode node = new(program);
            if (program.Package is { } package)
            {
                Version = node.Node.Check("dpkg-query", "--show", "--showformat=${Version}", package);
            }

            foreach (ClientKind client in node.Clients)
            {
                _cells[client] = node.LetIn(client);
            }

            if (program.Reload is { } reload)
            {
                moment = "reload";
                node.Node.Check("sh", "-euc", reload);
                WaitForClients(node);
            }

            if (program.Restart is { } restart)
            {
                moment = "restart";
                LongestPause = node.Transfer(() => node.Node.Check("sh", "-euc", restart));
                WaitForClients(node);
            }

            moment = "reboot";
            node.Reboot();
            WaitForClients(node);
        }
        catch (Exception failure)
        {
            Failure = $"{moment}: {failure.Message}";
        }
    }

    private void WaitForClients(SharedNode node)
    {
        foreach (ClientKind client in node.Clients)
        {
            IsMended |= node.WaitFor(client);
        }
    }
}
