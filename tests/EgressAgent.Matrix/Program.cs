using EgressAgent.Matrix;
using EgressAgent.Testing.Beside;

// PROGRAM…: those alone, by the names in the table; run it in tests/sandbox. It exits with 1 if a cell is none of those in the table's
// caption.
List<Row> rows = [];
foreach (OtherProgram program in OtherProgram.All.Where(program => args.Length == 0 || args.Contains(program.Name)))
{
    Console.Error.WriteLine($"{program} …");
    rows.Add(Row.Of(program));
}

Table.Print(rows);
return rows.All(row => row.Failure is null) ? 0 : 1;
