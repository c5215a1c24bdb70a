using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace EgressAgent.Model.Yaml;

internal sealed partial class YamlTreeBuilder
{
    private const string CoreTags = "tag:yaml.org,2002:";

    private YamlScalar ToScalar(Scalar scalar)
    {
        SourceLocation location = Locate(scalar.Start);
        bool isPlain = scalar.Style == ScalarStyle.Plain && scalar.Tag.IsEmpty;
        return new YamlScalar(location, scalar.Value, isPlain ? YamlScalarResolver.Resolve(scalar.Value) : KindByTag(scalar), isPlain);
    }

    private YamlScalarKind KindByTag(Scalar scalar)
    {
        if (scalar.Tag.IsEmpty || scalar.Tag.IsNonSpecific)
        {
            return YamlScalarKind.Text;
        }

        YamlScalarKind? named = scalar.Tag.Value switch
        {
            CoreTags + "str" => YamlScalarKind.Text,
            CoreTags + "int" => YamlScalarKind.Integer,
            CoreTags + "float" => YamlScalarKind.Float,
            CoreTags + "bool" => YamlScalarKind.Boolean,
            CoreTags + "null" => YamlScalarKind.Null,
            _ => null,
        };
        if (named is null)
        {
            Fault(Locate(scalar.Start), $"the tag {Readable(scalar.Tag)} is not supported; leave it out");
            return YamlScalarKind.Faulty;
        }

        if (named != YamlScalarKind.Text && YamlScalarResolver.Resolve(scalar.Value) != named)
        {
            Fault(Locate(scalar.Start), $"{YamlScalar.Quote(scalar.Value)} is not what its tag {Readable(scalar.Tag)} says");
            return YamlScalarKind.Faulty;
        }

        return named.Value;
    }

    private YamlScalar? ToKey(YamlNode node)
    {
        if (node is not YamlScalar key)
        {
            Fault(node.Location, $"a key must be a single value, not {node.Describe()}");
            return null;
        }

        if (key.Text.Length == 0)
        {
            Fault(node.Location, "the key before `:` is empty");
            return null;
        }

        return key;
    }

    private void CheckTag(NodeEvent collection, string coreTag, string what)
    {
        if (!collection.Tag.IsEmpty && !collection.Tag.IsNonSpecific && collection.Tag.Value != coreTag)
        {
            Fault(Locate(collection.Start), $"the tag {Readable(collection.Tag)} on {what} is not supported; leave it out");
        }
    }

    private static string Readable(TagName tag)
    {
        string text = tag.Value.StartsWith(CoreTags, StringComparison.Ordinal) ? "!!" + tag.Value[CoreTags.Length..] : tag.Value;
        return YamlScalar.Quote(text);
    }
}
