using System.Runtime.InteropServices;

namespace EgressAgent.Linux.Interop;

// sd-bus.h: connections, names and objects.
internal static unsafe partial class LibSystemd
{
    // int sd_bus_new(sd_bus **ret);
    [LibraryImport(Library)]
    internal static partial int sd_bus_new(out nint ret);

    // int sd_bus_set_address(sd_bus *bus, const char *address);
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int sd_bus_set_address(nint bus, string address);

    // int sd_bus_set_bus_client(sd_bus *bus, int b);
    [LibraryImport(Library)]
    internal static partial int sd_bus_set_bus_client(nint bus, int b);

    // int sd_bus_set_description(sd_bus *bus, const char *description);
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int sd_bus_set_description(nint bus, string description);

    // int sd_bus_set_method_call_timeout(sd_bus *bus, uint64_t usec);
    [LibraryImport(Library)]
    internal static partial int sd_bus_set_method_call_timeout(nint bus, ulong usec);

    // int sd_bus_start(sd_bus *bus);
    [LibraryImport(Library)]
    internal static partial int sd_bus_start(nint bus);

    // sd_bus *sd_bus_close_unref(sd_bus *bus);
    [LibraryImport(Library)]
    internal static partial nint sd_bus_close_unref(nint bus);

    // int sd_bus_get_fd(sd_bus *bus);
    [LibraryImport(Library)]
    internal static partial int sd_bus_get_fd(nint bus);

    // int sd_bus_get_events(sd_bus *bus);
    [LibraryImport(Library)]
    internal static partial int sd_bus_get_events(nint bus);

    // int sd_bus_get_timeout(sd_bus *bus, uint64_t *timeout_usec);
    [LibraryImport(Library)]
    internal static partial int sd_bus_get_timeout(nint bus, out ulong timeout_usec);

    // int sd_bus_process(sd_bus *bus, sd_bus_message **r);
    [LibraryImport(Library)]
    internal static partial int sd_bus_process(nint bus, nint* r);

    // int sd_bus_wait(sd_bus *bus, uint64_t timeout_usec);
    [LibraryImport(Library)]
    internal static partial int sd_bus_wait(nint bus, ulong timeout_usec);

    // int sd_bus_get_unique_name(sd_bus *bus, const char **unique);
    [LibraryImport(Library)]
    internal static partial int sd_bus_get_unique_name(nint bus, out byte* unique);

    // int sd_bus_request_name_async(sd_bus *bus, sd_bus_slot **ret_slot, const char *name, uint64_t flags,
    //                               sd_bus_message_handler_t callback, void *userdata);
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int sd_bus_request_name_async(
        nint bus,
        nint* ret_slot,
        string name,
        ulong flags,
        delegate* unmanaged[Cdecl]<nint, nint, SdBusError*, int> callback,
        nint userdata);

    // int sd_bus_add_object_vtable(sd_bus *bus, sd_bus_slot **slot, const char *path, const char *interface,
    //                              const sd_bus_vtable *vtable, void *userdata);
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int sd_bus_add_object_vtable(
        nint bus, out nint slot, string path, string @interface, SdBusVtable* vtable, nint userdata);

    // int sd_bus_add_object_manager(sd_bus *bus, sd_bus_slot **slot, const char *path);
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int sd_bus_add_object_manager(nint bus, nint* slot, string path);

    // sd_bus_slot *sd_bus_slot_unref(sd_bus_slot *slot);
    [LibraryImport(Library)]
    internal static partial nint sd_bus_slot_unref(nint slot);

    // int sd_bus_emit_properties_changed_strv(sd_bus *bus, const char *path, const char *interface, char **names);
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int sd_bus_emit_properties_changed_strv(nint bus, string path, string @interface, nint* names);

    // int sd_bus_emit_object_added(sd_bus *bus, const char *path);
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int sd_bus_emit_object_added(nint bus, string path);

    // int sd_bus_emit_object_removed(sd_bus *bus, const char *path);
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int sd_bus_emit_object_removed(nint bus, string path);

    // int sd_bus_match_signal(sd_bus *bus, sd_bus_slot **ret, const char *sender, const char *path, const char *interface,
    //                         const char *member, sd_bus_message_handler_t callback, void *userdata);
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int sd_bus_match_signal(
        nint bus,
        out nint ret,
        string? sender,
        string? path,
        string? @interface,
        string? member,
        delegate* unmanaged[Cdecl]<nint, nint, SdBusError*, int> callback,
        nint userdata);

    // int sd_bus_call(sd_bus *bus, sd_bus_message *m, uint64_t usec, sd_bus_error *ret_error, sd_bus_message **reply);
    [LibraryImport(Library)]
    internal static partial int sd_bus_call(nint bus, nint m, ulong usec, SdBusError* ret_error, out nint reply);

    // int sd_bus_error_set(sd_bus_error *e, const char *name, const char *message);
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int sd_bus_error_set(SdBusError* e, string name, string message);

    // void sd_bus_error_free(sd_bus_error *e);
    [LibraryImport(Library)]
    internal static partial void sd_bus_error_free(SdBusError* e);

    // int sd_bus_query_sender_creds(sd_bus_message *m, uint64_t mask, sd_bus_creds **creds);
    [LibraryImport(Library)]
    internal static partial int sd_bus_query_sender_creds(nint m, ulong mask, out nint creds);

    // int sd_bus_creds_get_euid(sd_bus_creds *c, uid_t *euid);
    [LibraryImport(Library)]
    internal static partial int sd_bus_creds_get_euid(nint c, out uint euid);

    // sd_bus_creds *sd_bus_creds_unref(sd_bus_creds *c);
    [LibraryImport(Library)]
    internal static partial nint sd_bus_creds_unref(nint c);

    // int sd_bus_path_encode(const char *prefix, const char *external_id, char **ret_path);
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int sd_bus_path_encode(string prefix, string external_id, out byte* ret_path);

    // int sd_bus_interface_name_is_valid(const char *p);
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int sd_bus_interface_name_is_valid(string p);

    // int sd_bus_member_name_is_valid(const char *p);
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int sd_bus_member_name_is_valid(string p);

    // int sd_bus_object_path_is_valid(const char *p);
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int sd_bus_object_path_is_valid(string p);
}
