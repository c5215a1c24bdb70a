using System.Text;

namespace EgressAgent.Linux.Bus;

/// <summary>Introspection by the D-Bus specification, with the annotations that busctl(1) shows.</summary>
internal static class BusIntrospection
{
    private const string EmitsChangedSignal = "org.freedesktop.DBus.Property.EmitsChangedSignal";
    private const string Privileged = "org.freedesktop.systemd1.Privileged";

    /// <summary>org.freedesktop.DBus.ObjectManager.</summary>
    internal static ReadOnlyMemory<byte> ObjectManager { get; } =
        """
         <interface name="org.freedesktop.DBus.ObjectManager">
          <method name="GetManagedObjects">
           <arg type="a{oa{sa{sv}}}" name="object_paths_interfaces_and_properties" direction="out"/>
          </method>
          <signal name="InterfacesAdded">
           <arg type="o" name="object_path"/>
           <arg type="a{sa{sv}}" name="interfaces_and_properties"/>
          </signal>
          <signal name="InterfacesRemoved">
           <arg type="o" name="object_path"/>
           <arg type="as" name="interfaces"/>
          </signal>
         </interface>

        """u8.ToArray();

    /// <summary>The <c>interface</c> element. Names are of letters, digits, underscores and dots, so nothing is escaped.</summary>
    internal static ReadOnlyMemory<byte> Describe(string name, IEnumerable<BusMember> members)
    {
        var xml = new StringBuilder();
        xml.Append($" <interface name=\"{name}\">\n");
        foreach (BusMember member in members)
        {
            switch (member)
            {
                case BusMethod method:
                    xml.Append($"  <method name=\"{method.Name}\">\n");
                    AppendArguments(xml, method.Arguments, " direction=\"in\"");
                    AppendArguments(xml, method.Results, " direction=\"out\"");
                    AppendAnnotation(xml, Privileged, method.Access == BusAccess.Privileged ? "true" : null);
                    xml.Append("  </method>\n");
                    break;
                case BusProperty property:
                    xml.Append($"  <property name=\"{property.Name}\" type=\"{property.Signature}\" access=\"read\">\n");
                    AppendAnnotation(xml, EmitsChangedSignal, property.Change switch
                    {
                        BusPropertyChange.Invalidates => "invalidates",
                        BusPropertyChange.Constant => "const",
                        BusPropertyChange.Silent => "false",
                        _ => null,
                    });
                    xml.Append("  </property>\n");
                    break;
                case BusSignal signal:
                    xml.Append($"  <signal name=\"{signal.Name}\">\n");
                    AppendArguments(xml, signal.Arguments, "");
                    xml.Append("  </signal>\n");
                    break;
            }
        }

        xml.Append(" </interface>\n");
        return Encoding.ASCII.GetBytes(xml.ToString());
    }

    private static void AppendArguments(StringBuilder xml, IEnumerable<BusArgument> arguments, string direction)
    {
        foreach (BusArgument argument in arguments)
        {
            xml.Append($"   <arg type=\"{argument.Signature}\" name=\"{argument.Name}\"{direction}/>\n");
        }
    }

    private static void AppendAnnotation(StringBuilder xml, string name, string? value)
    {
        if (value is not null)
        {
            xml.Append($"   <annotation name=\"{name}\" value=\"{value}\"/>\n");
        }
    }
}
