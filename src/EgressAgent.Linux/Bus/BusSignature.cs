namespace EgressAgent.Linux.Bus;

/// <summary>Type signatures by the D-Bus specification, "Type System".</summary>
internal static class BusSignature
{
    private const string BasicTypes = "ybnqiuxtdsogh";
    private const int MaxLength = 255;
    private const int MaxDepth = 32;

    /// <summary>Whether the text is exactly one complete type: <c>s</c>, <c>a(sssso)</c>.</summary>
    internal static bool IsSingleType(string signature)
    {
        int position = 0;
        return signature.Length <= MaxLength && Skip(signature, ref position, 0) && position == signature.Length;
    }

    private static bool Skip(string signature, ref int position, int depth)
    {
        if (position >= signature.Length || depth > MaxDepth)
        {
            return false;
        }

        char type = signature[position++];
        return type switch
        {
            'a' => position < signature.Length && signature[position] == '{'
                ? SkipDictEntry(signature, ref position, depth + 1)
                : Skip(signature, ref position, depth + 1),
            '(' => SkipStruct(signature, ref position, depth + 1),
            'v' => true,
            _ => BasicTypes.Contains(type),
        };
    }

    private static bool SkipStruct(string signature, ref int position, int depth)
    {
        do
        {
            if (!Skip(signature, ref position, depth))
            {
                return false;
            }
        }
        while (position < signature.Length && signature[position] != ')');
        return SkipCharacter(signature, ref position, ')');
    }

    private static bool SkipDictEntry(string signature, ref int position, int depth)
    {
        position++;
        return position < signature.Length
            && BasicTypes.Contains(signature[position])
            && Skip(signature, ref position, depth)
            && Skip(signature, ref position, depth)
            && SkipCharacter(signature, ref position, '}');
    }

    private static bool SkipCharacter(string signature, ref int position, char expected) =>
        position < signature.Length && signature[position++] == expected;
}
