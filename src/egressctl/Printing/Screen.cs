using System.Text;
using EgressAgent.Linux.FileDescriptors;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace EgressAgent.Control.Printing;

/// <summary>Standard output: in colours and as wide as the window on a terminal; elsewhere as plain lines of any length.</summary>
internal sealed class Screen : IDisposable
{
    // Where nothing is cut or wrapped.
    private const int Unlimited = 100_000;

    // Of a terminal that does not know its width.
    private const int UsualWidth = 80;

    private readonly StreamWriter _writer;
    private readonly IAnsiConsole _console;

    internal Screen()
    {
        _writer = new StreamWriter(new StandardOutputStream(), new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
        int? width = Terminal.OutputWidth;
        IsTerminal = width is not null;
        _console = Create(_writer, IsTerminal && IsColoured(), width is 0 ? UsualWidth : width ?? Unlimited);
    }

    private Screen(StreamWriter writer, int width)
    {
        _writer = writer;
        _console = Create(writer, isColoured: false, width);
    }

    internal bool IsTerminal { get; }

    /// <summary>What is printed to a pipe, or, without colours, in a window of some width.</summary>
    internal static string Render(Action<Screen> print, int width = Unlimited)
    {
        using MemoryStream text = new();
        using (Screen screen = new(new StreamWriter(text, leaveOpen: true), width))
        {
            print(screen);
        }

        return Encoding.UTF8.GetString(text.ToArray());
    }

    internal void Line(string text = "", Style? style = null)
    {
        _console.Write(new Text(text, style ?? Style.Plain));
        _console.WriteLine();
    }

    internal void Write(IRenderable what) => _console.Write(what);

    /// <summary>Text that programs read: as it is.</summary>
    internal void Raw(string text) => _writer.Write(text);

    internal void Clear()
    {
        if (IsTerminal)
        {
            _console.Clear();
        }
    }

    internal void Flush() => _writer.Flush();

    public void Dispose() => _writer.Dispose();

    private static IAnsiConsole Create(TextWriter writer, bool isColoured, int width) => AnsiConsole.Create(new AnsiConsoleSettings
    {
        Ansi = isColoured ? AnsiSupport.Yes : AnsiSupport.No,
        ColorSystem = isColoured ? ColorSystemSupport.Standard : ColorSystemSupport.NoColors,
        Interactive = InteractionSupport.No,
        Out = new Output(writer, isColoured, width),
    });

    // https://no-color.org
    private static bool IsColoured() =>
        string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR")) && Environment.GetEnvironmentVariable("TERM") is { Length: > 0 } and not "dumb";

    private sealed record Output(TextWriter Writer, bool IsTerminal, int Width) : IAnsiConsoleOutput
    {
        public int Height => 25;

        public void SetEncoding(Encoding encoding)
        {
        }
    }
}
