using System.Text;

namespace EgressAgent.Model.Validation;

/// <summary>
/// What can name an interface: what the kernel takes as its name (dev_valid_name in net/core/dev.c), in up to the 127 bytes of an
/// alternative name (ALTIFNAMSIZ).
/// </summary>
internal static class InterfaceNames
{
    public const string Rule = "1 to 127 bytes without `/`, `:` and blanks";

    public static bool IsValid(string name)
    {
        ReadOnlySpan<byte> bytes = Encoding.UTF8.GetBytes(name);

        // The kernel's isspace() takes 0xA0 for a blank, also inside of a UTF-8 sequence.
        return bytes.Length is > 0 and <= 127
            && name is not "." and not ".."
            && !bytes.ContainsAny("/:"u8)
            && !bytes.ContainsAnyInRange((byte)0, (byte)' ')
            && !bytes.Contains((byte)0xA0);
    }
}
