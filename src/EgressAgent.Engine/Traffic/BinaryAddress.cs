using System.Net;

namespace EgressAgent.Engine.Traffic;

/// <summary>Addresses in what is kept of counters: the length, and the bytes.</summary>
internal static class BinaryAddress
{
    internal static void Write(this BinaryWriter writer, IPAddress address)
    {
        byte[] bytes = address.GetAddressBytes();
        writer.Write((byte)bytes.Length);
        writer.Write(bytes);
    }

    /// <exception cref="ArgumentException">It is no address.</exception>
    internal static IPAddress ReadAddress(this BinaryReader reader) => new(reader.ReadBytes(reader.ReadByte()));
}
