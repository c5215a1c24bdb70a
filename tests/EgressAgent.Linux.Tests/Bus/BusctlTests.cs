using System.Diagnostics;
using System.Xml.Linq;
using EgressAgent.Linux.Accounts;
using EgressAgent.Linux.Bus;
using EgressAgent.Testing;
using EgressAgent.Testing.Bus;
using Tmds.DBus.Protocol;

namespace EgressAgent.Linux.Tests.Bus;

/// <summary>What an administrator sees of a service: busctl as an independent client.</summary>
public sealed class BusctlTests(BusFixture fixture) : IClassFixture<BusFixture>
{
    private readonly SampleService _service = fixture.Service;

    [Fact]
    public void Tree_showsObjectsAndTheirParents()
    {
        string tree = Succeed("tree", "--list", SampleService.Name);

        Assert.Equal(
            ["/", "/org", "/org/egressagent", SampleService.BrokenPath, SampleService.ManagerPath, SampleService.ObjectPath],
            tree.Split('\n'));
    }

    [Fact]
    public void Introspect_showsEveryMemberWithItsArgumentNames()
    {
        var xml = XDocument.Parse(Succeed("introspect", "--xml-interface", SampleService.Name, SampleService.ObjectPath));
        XElement face = xml.Root!.Elements("interface").Single(element => (string?)element.Attribute("name") == SampleObject.InterfaceName);

        string[] members = [.. face.Elements().Select(Describe)];

        Assert.Contains("method Echo(in s text, out s text)", members);
        Assert.Contains("method Everything(out a(sssso) rows, out a{sv} map, out (ynqiuxtdb) scalars)", members);
        Assert.Contains("method Sum(in at numbers, out t sum, out u count)", members);
        Assert.Contains("property State s emits true", members);
        Assert.Contains("property Name s emits const", members);
        Assert.Contains("property Addresses as emits invalidates", members);
        Assert.Contains("property Restarts u emits false", members);
        Assert.Contains("signal Renamed(s from, o path)", members);
    }

    [Fact]
    public void Call_everyType_arrivesAsWritten() => Assert.Equal(
        "a(sssso)a{sv}(ynqiuxtdb) 1 \"default\" \"web\" \"active\" \"/etc/egress-router/web.yaml\" "
            + "\"/org/egressagent/Agent1/router/default/web\" 1 \"answer\" g \"a{sv}\" "
            + "255 -32768 65535 -2147483648 4294967295 -9223372036854775808 18446744073709551615 0.5 true",
        Call("Everything"));

    [Fact]
    public void Call_text_survivesUtf8() => Assert.Equal(@"s ""Gr\303\274n""", Call("Echo", "s", "Grün"));

    [Theory]
    [InlineData("Name", "s \"one\"")]
    [InlineData("Addresses", "as 2 \"192.0.2.1\" \"2001:db8::1\"")]
    [InlineData("Conditions", "a(sssst) 1 \"Available\" \"True\" \"Ready\" \"All is well.\" 1")]
    public void GetProperty_declared_returnsItsValue(string property, string expected) => Assert.Equal(
        expected, Succeed("get-property", SampleService.Name, SampleService.ObjectPath, SampleObject.InterfaceName, property));

    [Fact]
    public void GetManagedObjects_listsObjectsBelowTheManager()
    {
        string reply = Succeed(
            "call", SampleService.Name, SampleService.ManagerPath, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects");

        Assert.Contains($"\"{SampleObject.InterfaceName}\" 6 \"Name\" s \"one\"", reply);
    }

    [Theory]
    [InlineData("Echo", "u", "1")]
    [InlineData("Echo", "ss", "a", "b")]
    [InlineData("Sum", "as", "1", "x")]
    public void Call_wrongSignature_isInvalidArgs(string method, params string[] arguments) =>
        Assert.Contains("Invalid arguments", Refuse([method, .. arguments]));

    [Theory]
    [InlineData("/org/egressagent/Sample1/none", SampleObject.InterfaceName, "Echo", "Unknown object")]
    [InlineData(SampleService.ObjectPath, "org.egressagent.None1", "Echo", "Unknown method Echo or interface")]
    [InlineData(SampleService.ObjectPath, SampleObject.InterfaceName, "None", "Unknown method")]
    public void Call_unknown_saysWhatIsUnknown(string path, string @interface, string method, string expected)
    {
        CommandResult result = fixture.Busctl.Run("call", SampleService.Name, path, @interface, method, "s", "x");

        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains(expected, result.Errors);
    }

    [Fact]
    public void GetProperty_unknown_saysSo()
    {
        CommandResult result = fixture.Busctl.Run(
            "get-property", SampleService.Name, SampleService.ObjectPath, SampleObject.InterfaceName, "None");

        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("Failed to get property None", result.Errors);
    }

    [Fact]
    public void Call_handlerRefuses_errorReachesTheCaller() => Assert.Contains("Not now.", Refuse("Refuse"));

    [Theory]
    [InlineData("Throw")]
    [InlineData("MisnamedError")]
    [InlineData("SlowThrow")]
    public void Call_handlerFails_isReportedAndKeptFromTheCaller(string method)
    {
        string error = Refuse(method);

        Assert.Contains("internal error", error);
        Assert.DoesNotContain("secret", error);
        Assert.Contains(_service.Faults, fault => fault.Member == $"{SampleObject.InterfaceName}.{method}");
    }

    [Fact]
    public void GetProperty_getterFails_isAnError()
    {
        CommandResult result = fixture.Busctl.Run(
            "get-property", SampleService.Name, SampleService.BrokenPath, "org.egressagent.Broken1", "Throws");

        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("internal error", result.Errors);
    }

    [Fact]
    public void Call_privilegedMethod_isForRootOnly()
    {
        Requires.Root();
        uint before = _service.Object.Restarts;
        var nobody = new Busctl(fixture.Daemon.Address, uid: 65534);

        CommandResult denied = nobody.Run(
            "call", SampleService.Name, SampleService.ObjectPath, SampleObject.InterfaceName, "Restart", "s", "x");
        CommandResult allowed = nobody.Run(
            "call", SampleService.Name, SampleService.ObjectPath, SampleObject.InterfaceName, "WhoAmI");

        Assert.NotEqual(0, denied.ExitCode);
        Assert.Contains("Access denied", denied.Errors);
        Assert.Equal(before, _service.Object.Restarts);
        Assert.Equal(0, allowed.ExitCode);
        Assert.EndsWith(" 65534\n", allowed.Output);
        Call("Restart", "s", "x");
        Assert.Equal(before + 1, _service.Object.Restarts);
    }

    [Theory]
    [InlineData("adm")]
    [InlineData("systemd-journal")]
    public void Call_ofJournalReaders_isForTheGroupsToo(string group)
    {
        Requires.Root();
        string[] read = ["call", SampleService.Name, SampleService.ObjectPath, SampleObject.InterfaceName, "Read"];
        Assert.SkipUnless(new AccountFiles().FindGroups(group).Count == 1, $"needs the group {group}");

        Assert.Contains("Access denied", new Busctl(fixture.Daemon.Address, uid: 65534).Run(read).Errors);
        Assert.Equal("s \"read\"\n", new Busctl(fixture.Daemon.Address, uid: 65534, group).Run(read).Output);
        Assert.Equal("s \"read\"", Call("Read"));
    }

    [Fact]
    public void Call_callerWantsNoReply_isHandledAllTheSame()
    {
        Succeed("call", "--expect-reply=no", SampleService.Name, SampleService.ObjectPath, SampleObject.InterfaceName, "Echo", "s", "x");
        Succeed("call", "--expect-reply=no", SampleService.Name, SampleService.ObjectPath, SampleObject.InterfaceName, "Later");

        _service.TakeLater().SetResult((ref MessageWriter reply) => reply.WriteText("to nobody"));

        Assert.Equal("s \"y\"", Call("Echo", "s", "y"));
        Assert.DoesNotContain(_service.Faults, fault => fault.Member is "Later" or SampleObject.InterfaceName + ".Echo");
    }

    [Fact]
    public void Monitor_seesSignalsAndChanges()
    {
        using Process monitor = fixture.Busctl.Start("monitor", "--json=short", SampleService.Name);
        using var lines = new LineCollector(monitor.StandardOutput);
        try
        {
            // The monitor says on its error stream when it has begun.
            Assert.Contains("Monitoring", monitor.StandardError.ReadLine());
            string added = BusPath.Encode(SampleService.ManagerPath, "default", "web-1");
            _service.Do(connection =>
            {
                connection.AddObject(added, SampleObject.Interface.For(new SampleObject("web-1")));
                _service.Object.State = "degraded";
                connection.EmitPropertiesChanged(SampleService.ObjectPath, SampleObject.Interface, "State", "Addresses");
                connection.EmitSignal(SampleService.ObjectPath, SampleObject.Interface, "Renamed", (ref MessageWriter body) =>
                {
                    body.WriteText("one");
                    body.WriteObjectPath(added);
                });
                connection.RemoveObject(added);
            });

            Assert.Contains("\"Name\":{\"type\":\"s\",\"data\":\"web-1\"}", lines.WaitFor("\"member\":\"InterfacesAdded\""));
            string changed = lines.WaitFor("\"member\":\"PropertiesChanged\"");
            Assert.Contains("{\"State\":{\"type\":\"s\",\"data\":\"degraded\"}},[\"Addresses\"]", changed);
            Assert.Contains("\"data\":[\"one\",\"/org/egressagent/Sample1/default/web_2d1\"]", lines.WaitFor("\"member\":\"Renamed\""));
            Assert.Contains(SampleObject.InterfaceName, lines.WaitFor("\"member\":\"InterfacesRemoved\""));
        }
        finally
        {
            monitor.Kill();
            monitor.WaitForExit();
        }
    }

    private static string Describe(XElement member)
    {
        string name = (string)member.Attribute("name")!;
        if (member.Name == "property")
        {
            string? emits = (string?)member.Elements("annotation")
                .SingleOrDefault(annotation => (string?)annotation.Attribute("name") == "org.freedesktop.DBus.Property.EmitsChangedSignal")
                ?.Attribute("value");
            return $"property {name} {(string)member.Attribute("type")!} emits {emits ?? "true"}";
        }

        IEnumerable<string> arguments = member.Elements("arg").Select(argument => string.Join(
            ' ', argument.Attributes().OrderBy(attribute => attribute.Name.LocalName switch
            {
                "direction" => 0,
                "type" => 1,
                _ => 2,
            }).Select(attribute => attribute.Value)));
        return $"{member.Name} {name}({string.Join(", ", arguments)})";
    }

    private string Call(string method, params ReadOnlySpan<string> arguments) =>
        Succeed(["call", SampleService.Name, SampleService.ObjectPath, SampleObject.InterfaceName, method, .. arguments]);

    private string Refuse(params ReadOnlySpan<string> call)
    {
        CommandResult result = fixture.Busctl.Run(
            ["call", SampleService.Name, SampleService.ObjectPath, SampleObject.InterfaceName, .. call]);
        Assert.NotEqual(0, result.ExitCode);
        return result.Errors;
    }

    private string Succeed(params ReadOnlySpan<string> arguments)
    {
        CommandResult result = fixture.Busctl.Run(arguments);
        Assert.True(result.ExitCode == 0, result.ToString());
        return result.Output.TrimEnd('\n');
    }
}
