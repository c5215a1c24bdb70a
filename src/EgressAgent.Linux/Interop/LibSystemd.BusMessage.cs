using System.Runtime.InteropServices;

namespace EgressAgent.Linux.Interop;

// sd-bus.h: messages. A type is the ASCII code of its signature character.
internal static unsafe partial class LibSystemd
{
    // int sd_bus_message_new_signal(sd_bus *bus, sd_bus_message **m, const char *path, const char *interface, const char *member);
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int sd_bus_message_new_signal(nint bus, out nint m, string path, string @interface, string member);

    // int sd_bus_message_new_method_call(sd_bus *bus, sd_bus_message **m, const char *destination, const char *path,
    //                                    const char *interface, const char *member);
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int sd_bus_message_new_method_call(
        nint bus, out nint m, string destination, string path, string? @interface, string member);

    // int sd_bus_message_new_method_return(sd_bus_message *call, sd_bus_message **m);
    [LibraryImport(Library)]
    internal static partial int sd_bus_message_new_method_return(nint call, out nint m);

    // int sd_bus_reply_method_error(sd_bus_message *call, const sd_bus_error *e);
    [LibraryImport(Library)]
    internal static partial int sd_bus_reply_method_error(nint call, SdBusError* e);

    // int sd_bus_message_send(sd_bus_message *m);
    [LibraryImport(Library)]
    internal static partial int sd_bus_message_send(nint m);

    // sd_bus_message *sd_bus_message_ref(sd_bus_message *m);
    [LibraryImport(Library)]
    internal static partial nint sd_bus_message_ref(nint m);

    // sd_bus_message *sd_bus_message_unref(sd_bus_message *m);
    [LibraryImport(Library)]
    internal static partial nint sd_bus_message_unref(nint m);

    // const sd_bus_error *sd_bus_message_get_error(sd_bus_message *m);
    [LibraryImport(Library)]
    internal static partial SdBusError* sd_bus_message_get_error(nint m);

    // const char *sd_bus_message_get_sender(sd_bus_message *m);
    [LibraryImport(Library)]
    internal static partial byte* sd_bus_message_get_sender(nint m);

    // const char *sd_bus_message_get_member(sd_bus_message *m);
    [LibraryImport(Library)]
    internal static partial byte* sd_bus_message_get_member(nint m);

    // const char *sd_bus_message_get_signature(sd_bus_message *m, int complete);
    [LibraryImport(Library)]
    internal static partial byte* sd_bus_message_get_signature(nint m, int complete);

    // int sd_bus_message_append_basic(sd_bus_message *m, char type, const void *p);
    [LibraryImport(Library)]
    internal static partial int sd_bus_message_append_basic(nint m, byte type, void* p);

    // int sd_bus_message_append_basic(sd_bus_message *m, char type, const void *p);
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int sd_bus_message_append_basic(nint m, byte type, string p);

    // int sd_bus_message_open_container(sd_bus_message *m, char type, const char *contents);
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int sd_bus_message_open_container(nint m, byte type, string contents);

    // int sd_bus_message_close_container(sd_bus_message *m);
    [LibraryImport(Library)]
    internal static partial int sd_bus_message_close_container(nint m);

    // int sd_bus_message_read_basic(sd_bus_message *m, char type, void *p);
    [LibraryImport(Library)]
    internal static partial int sd_bus_message_read_basic(nint m, byte type, void* p);

    // int sd_bus_message_enter_container(sd_bus_message *m, char type, const char *contents);
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int sd_bus_message_enter_container(nint m, byte type, string contents);

    // int sd_bus_message_exit_container(sd_bus_message *m);
    [LibraryImport(Library)]
    internal static partial int sd_bus_message_exit_container(nint m);

    // int sd_bus_message_peek_type(sd_bus_message *m, char *type, const char **contents);
    [LibraryImport(Library)]
    internal static partial int sd_bus_message_peek_type(nint m, out byte type, out byte* contents);

    // int sd_bus_message_skip(sd_bus_message *m, const char *types);
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int sd_bus_message_skip(nint m, string types);
}
