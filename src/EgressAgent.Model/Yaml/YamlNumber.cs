using System.Globalization;

namespace EgressAgent.Model.Yaml;

/// <summary>Reads the whole number that a numeric scalar stands for.</summary>
internal static class YamlNumber
{
    /// <summary>
    /// Takes every notation that Kubernetes takes for a whole number: <c>8080</c>, <c>0x1F90</c>, <c>0o17620</c>, <c>8_080</c>,
    /// <c>8080.0</c>, <c>8.08e3</c>. False for what is not whole or does not fit.
    /// </summary>
    public static bool TryReadInteger(YamlScalar scalar, out long value)
    {
        value = 0;
        string text = scalar.Text.Replace("_", "", StringComparison.Ordinal);
        if (scalar.Kind == YamlScalarKind.Float)
        {
            bool whole = double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number)
                && Math.Abs(number) <= int.MaxValue
                && Math.Truncate(number) == number;
            value = whole ? (long)number : 0;
            return whole;
        }

        bool negative = text.StartsWith('-');
        ReadOnlySpan<char> digits = text.AsSpan().TrimStart("+-");
        ulong magnitude;
        bool read = digits switch
        {
            ['0', 'x', .. var hex] => ulong.TryParse(hex, NumberStyles.AllowHexSpecifier, null, out magnitude),
            ['0', 'b', .. var binary] => ulong.TryParse(binary, NumberStyles.AllowBinarySpecifier, null, out magnitude),
            ['0', 'o', .. var octal] => TryReadOctal(octal, out magnitude),
            _ => ulong.TryParse(digits, NumberStyles.None, null, out magnitude),
        };
        if (!read || magnitude > long.MaxValue)
        {
            return false;
        }

        value = negative ? -(long)magnitude : (long)magnitude;
        return true;
    }

    /// <summary><c>0080</c>: octal to one parser, decimal to the next, so nobody can be sure what it means.</summary>
    public static bool HasLeadingZero(string text) => text.AsSpan().TrimStart("+-") is ['0', >= '0' and <= '9' or '_', ..];

    private static bool TryReadOctal(ReadOnlySpan<char> digits, out ulong value)
    {
        value = 0;
        foreach (char digit in digits)
        {
            if (digit is < '0' or > '7' || value > ulong.MaxValue >> 3)
            {
                return false;
            }

            value = (value << 3) | (uint)(digit - '0');
        }

        return digits.Length > 0;
    }
}
