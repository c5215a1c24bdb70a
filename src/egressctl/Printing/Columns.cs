using Spectre.Console;

namespace EgressAgent.Control.Printing;

/// <summary>Lines in columns, two blanks apart; but for the first column they are wrapped where the window is too narrow.</summary>
internal sealed class Columns
{
    private readonly Grid _grid = new();
    private readonly int _count;

    /// <param name="heads">What stands above the columns. One that ends in a blank is set flush right.</param>
    internal Columns(params string[] heads)
        : this(heads.Length, heads)
    {
        Add([.. heads.Select(head => new Cell(head.TrimEnd(), new Style(decoration: Decoration.Bold)))]);
    }

    private Columns(int count, string[] heads)
    {
        _count = count;
        for (int i = 0; i < count; i++)
        {
            GridColumn column = new() { Padding = new Padding(0, 0, i == count - 1 ? 0 : 2, 0), NoWrap = i == 0 };
            if (heads.Length > 0 && heads[i].EndsWith(' '))
            {
                column.Alignment = Justify.Right;
            }

            _grid.AddColumn(column);
        }
    }

    /// <summary>Without heads.</summary>
    internal static Columns Plain(int count) => new(count, []);

    internal Columns Add(params Cell[] cells)
    {
        _grid.AddRow([.. cells.Take(_count).Select(cell => new Text(cell.Value, cell.Style ?? Style.Plain))]);
        return this;
    }

    internal void Print(Screen screen, int indent = 0) => screen.Write(indent == 0 ? _grid : new Padder(_grid, new Padding(indent, 0, 0, 0)));
}

/// <summary>A text, and how it looks on a terminal.</summary>
internal readonly record struct Cell(string Value, Style? Style = null)
{
    public static implicit operator Cell(string value) => new(value);
}
