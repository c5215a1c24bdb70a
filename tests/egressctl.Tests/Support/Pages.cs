using EgressAgent.Control.Printing;

namespace EgressAgent.Control.Tests.Support;

/// <summary>What is printed to a pipe, without the blanks that fill columns up.</summary>
internal static class Pages
{
    internal static string Print(Action<Screen> print) => Trim(Screen.Render(print));

    internal static string PrintInWindow(int width, Action<Screen> print) => Trim(Screen.Render(print, width));

    private static string Trim(string page) =>
        string.Join('\n', page.TrimEnd('\n').Split('\n').Select(line => line.TrimEnd()));
}
