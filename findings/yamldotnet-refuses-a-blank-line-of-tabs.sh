#!/bin/bash
# YamlDotNet refuses a file for a line of tabs alone, though it takes the same line with a space in front, and at the top.
#
# Expected: a line that holds nothing but white space, tabs included, or a comment that tabs stand before, separates nothing and means
#   nothing. YAML 1.2 says so (6.7, l-comment: white space of both kinds, then perhaps a comment), and tabs are forbidden as
#   *indentation* of content only.
# Found: behind a line of content such a line is an error, "found a tab character that violate indentation", and the position that the
#   exception gives is that of the line before. A space in front of the tab makes it valid, and so does standing at the top of the file.
# Versions: YamlDotNet 18.1.0, .NET 10.0, 2026-11-28.
# Source: https://yaml.org/spec/1.2.2/#67-separation-lines and the rule l-comment.
# Why it matters: an editor that keeps the indentation of the line before leaves such lines behind. The file is then refused, and the
#   line that is named is not the one to blame: a program has to take such lines away, or find the tab and name its line itself.
set -euo pipefail

work=$(mktemp --directory)
trap 'rm -rf "$work"' EXIT
export NUGET_PACKAGES=$work/packages DOTNET_CLI_HOME=$work DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 MSBUILDDISABLENODEREUSE=1
cd "$work"

cat >tabs.csproj <<'XML'
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <OutputType>Exe</OutputType>
    <TargetFramework>net10.0</TargetFramework>
    <ImplicitUsings>enable</ImplicitUsings>
    <UseSharedCompilation>false</UseSharedCompilation>
  </PropertyGroup>
  <ItemGroup>
    <PackageReference Include="YamlDotNet" Version="[18.1.0]" />
  </ItemGroup>
</Project>
XML

cat >Program.cs <<'CS'
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

foreach ((string what, string text) in new[]
{
    ("at the top", "\t\na: 1\n"),
    ("after a plain scalar", "a: 1\n\t\nb: 2\n"),
    ("the same with a space first", "a: 1\n \t\nb: 2\n"),
    ("after a quoted scalar", "a: '1'\n\t\nb: 2\n"),
    ("a comment after a tab", "a: 1\n\t# why\nb: 2\n"),
})
{
    try
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(text));
        Console.WriteLine($"{what}: {stream.Documents[0].RootNode}");
    }
    catch (YamlException refusal)
    {
        Console.WriteLine($"{what}: refused in line {refusal.Start.Line}");
    }
}
CS

dotnet build --nologo --verbosity quiet --output out >build.log 2>&1 || { cat build.log; exit 1; }
timeout 60 out/tabs | tee printed

cat >expected <<'TEXT'
at the top: { { a, 1 } }
after a plain scalar: refused in line 1
the same with a space first: { { a, 1 }, { b, 2 } }
after a quoted scalar: refused in line 1
a comment after a tab: refused in line 1
TEXT
diff expected printed || { echo "the behaviour has changed"; exit 1; }
