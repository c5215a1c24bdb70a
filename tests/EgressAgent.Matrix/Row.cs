using EgressAgent.Testing.Beside;

namespace EgressAgent.Matrix;

/// <summary>What was found beside one program.</summary>
/// <param name="Program">The program.</param>
/// <param name="Version">Its package's version.</param>
/// <param name="Cells">Of each kind of client that there was, the commands that let it in.</param>
/// <param name="NeedsRepair">Whether containers were served only when their engine had repaired what the program had taken away.</param>
/// <param name="LongestPause">Of a transfer while the program was started anew; null where that was not done.</param>
/// <param name="Failure">What was not as it has to be; null if nothing was.</param>
internal sealed record Row(OtherProgram Program, string Version, IReadOnlyDictionary<ClientKind, IReadOnlyList<string>> Cells, bool NeedsRepair, TimeSpan? LongestPause, string? Failure)
{
    internal static Row Of(OtherProgram program)
    {
        string version = "";
        Dictionary<ClientKind, IReadOnlyList<string>> cells = [];
        bool needsRepair = false;
        TimeSpan? pause = null;
        string moment = "fresh start";
        try
        {
            using SharedNode node = new(program);
            using var debug = new EgressAgent.Testing.Undo(() =>
            {
                if (Environment.GetEnvironmentVariable("DEBUG_SHELL") is { } shell)
                {
                    Console.Error.WriteLine(node.Node.Run("sh", "-c", shell));
                }
            });
            version = program.Package is { } package ? node.Node.Check("dpkg-query", "--show", "--showformat=${Version}", package) : "";
            foreach (ClientKind client in node.Clients)
            {
                cells[client] = node.LetIn(client);
            }

            if (program.SetupWord is { } word)
            {
                node.Node.Check("egressctl", "setup", word);
            }

            if (program.Reload is { } reload)
            {
                moment = "reload";
                node.Node.Check("sh", "-euc", reload);
                needsRepair |= node.WaitForClients();
            }

            if (program.Restart is { } restart)
            {
                moment = "restart";
                pause = node.Transfer(() => node.Node.Check("sh", "-euc", restart));
                needsRepair |= node.WaitForClients();
            }

            moment = "reboot";
            node.Reboot();
            needsRepair |= node.WaitForClients();
            return new Row(program, version, cells, needsRepair, pause, null);
        }
        catch (Exception failure)
        {
            return new Row(program, version, cells, needsRepair, pause, $"{moment}: {failure.Message}");
        }
    }
}
