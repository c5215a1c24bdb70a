using System.Text;

namespace EgressAgent.Model.Validation;

/// <summary>What the kernel takes as the name of an interface (dev_valid_name in net/core/dev.c).</summary>
internal static class InterfaceNames
{
    public const string Rule = "1 to 15 bytes without `/`, `:` and blanks";

    public static bool IsValid(string name)
    {
        ReadOnlySpan<byte> bytes = Encoding.UTF8.GetBytes(name);

        // The kernel's isspace() takes 0xA0 for a blank, also inside of a UTF-8 sequence.
        return bytes.Length is > 0 and <= 15
            && name is not "." and not ".."
            && !bytes.ContainsAny("/:"u8)
            && !bytes.ContainsAnyInRange((byte)0, (byte)' ')
            && !bytes.Contains((byte)0xA0);
    }
}
