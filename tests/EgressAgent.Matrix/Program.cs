using EgressAgent.Matrix;
using EgressAgent.Testing.Beside;

// PROGRAM…: the rows of those alone, by their names in the table; run it in tests/sandbox.
Row[] rows = [.. OtherProgram.All.Where(program => args.Length == 0 || args.Contains(program.Name)).Select(program => new Row(program))];
foreach (Row row in rows)
{
    Console.Error.WriteLine($"{row.Program} …");
    row.Fill();
}

Table.Print(rows);
return rows.Length > 0 && rows.All(row => row.Failure is null) ? 0 : 1;
