using System.Globalization;
using EgressAgent.Testing.Instructions;

namespace EgressAgent.Benchmarks.Kernel;

/// <summary>How many instructions traffic takes through the agent's routers, beside one made by hand.</summary>
internal static class InstructionBenchmark
{
    internal static int Run(string[] arguments)
    {
        int rounds = arguments.Length > 0 ? int.Parse(arguments[0], CultureInfo.InvariantCulture) : 15;
        using InstructionLab lab = new();
        var counts = lab.Count(rounds);
        foreach (CountedRouter router in CountedRouter.OfAgent)
        {
            Report.Head($"{router.Name}, instructions", CountedRouter.ByHand.Name);
            foreach (CountedTraffic traffic in CountedTraffic.All)
            {
                Report.Ratio(traffic.Unit, [counts[(traffic, router)]], [counts[(traffic, CountedRouter.ByHand)]], Bar.AtMost(traffic.LimitOf(router)));
            }

            Console.WriteLine();
        }

        return 0;
    }
}
