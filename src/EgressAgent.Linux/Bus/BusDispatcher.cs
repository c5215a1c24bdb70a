using Tmds.DBus.Protocol;

namespace EgressAgent.Linux.Bus;

/// <summary>Answers calls by what the connection has. Belongs to the service's loop.</summary>
internal sealed class BusDispatcher(BusConnection connection, BusQueue queue, Action<string, Exception> faulted)
{
    private const string Introspectable = "org.freedesktop.DBus.Introspectable";
    private const string Peer = "org.freedesktop.DBus.Peer";
    private const string Properties = "org.freedesktop.DBus.Properties";
    private const string ObjectManager = "org.freedesktop.DBus.ObjectManager";

    // Interface and property names are no longer.
    private const int MaxNameBytes = 255;

    /// <summary>Answers, or begins to. Never throws.</summary>
    internal async ValueTask HandleAsync(BusMethodCall call)
    {
        Func<Task<Action>>? rest = null;
        try
        {
            rest = await BeginAsync(call).ConfigureAwait(false);
        }
        catch (Exception failure)
        {
            Fail(call, failure);
        }

        if (rest is null)
        {
            call.End();
        }
        else
        {
            _ = FinishAsync(call, rest);
        }
    }

    // Null when the call is answered; else what takes longer than the loop waits for.
    private async ValueTask<Func<Task<Action>>?> BeginAsync(BusMethodCall call)
    {
        connection.Sent++;
        if (!connection.Objects.TryGetValue(call.Path, out BusFace[]? faces))
        {
            if (!connection.HasManager(call.Path))
            {
                AnswerForNothing(call);
                return null;
            }

            faces = [];
        }

        if (FindMethod(call, faces) is var (face, method))
        {
            Demand(call, face.Interface.Name, method.Signature);
            await call.DemandAsync(method.Access).ConfigureAwait(false);
            return Invoke(call, face, method);
        }

        switch (call.Interface ?? InterfaceOf(call.Member), call.Member)
        {
            case (Introspectable, "Introspect") when call.IsIntrospection:
                Introspect(call, faces);
                return null;
            case (Properties, "Get"):
                Demand(call, Properties, "ss");
                return Get(call, faces);
            case (Properties, "GetAll"):
                Demand(call, Properties, "s");
                return GetAll(call, faces);
            case (Properties, "Set"):
                Demand(call, Properties, "ssv");
                throw RefuseToSet(call, faces);
            case (ObjectManager, "GetManagedObjects") when connection.HasManager(call.Path):
                Demand(call, ObjectManager, "");
                return GetManagedObjects(call);
            default:
                throw new BusException(
                    BusErrorNames.UnknownMethod, $"Unknown method {call.Member} or interface {call.Interface ?? "(none given)"}.");
        }
    }

    private async Task FinishAsync(BusMethodCall call, Func<Task<Action>> rest)
    {
        Action answer;
        try
        {
            answer = await rest().ConfigureAwait(false);
        }
        catch (Exception failure)
        {
            answer = () => Fail(call, failure);
        }

        queue.PutAnswer(() =>
        {
            try
            {
                connection.Sent++;
                answer();
            }
            catch (Exception failure)
            {
                Fail(call, failure);
            }
            finally
            {
                call.End();
            }
        });
    }

    private static (BusFace Face, BusMethod Method)? FindMethod(BusMethodCall call, BusFace[] faces)
    {
        foreach (BusFace face in faces)
        {
            if ((call.Interface is null || face.Interface.Name == call.Interface) && face.Interface.Find<BusMethod>(call.Member) is { } method)
            {
                return (face, method);
            }
        }

        return null;
    }

    private static Func<Task<Action>>? Invoke(BusMethodCall call, BusFace face, BusMethod method)
    {
        if (method.Handler is { } handler)
        {
            call.Reply(method.ResultSignature, (ref MessageWriter reply) => handler(face.Context, call, ref reply));
            return null;
        }

        Task<BusBody> pending = method.SlowHandler!(face.Context, call);
        return async () =>
        {
            BusBody write = await pending.ConfigureAwait(false);
            return () => call.Reply(method.ResultSignature, write);
        };
    }

    // Of paths that only lead to objects one may ask what is below.
    private void AnswerForNothing(BusMethodCall call)
    {
        if (!call.IsIntrospection || connection.ChildrenOf(call.Path) is not { Count: > 0 } children)
        {
            throw new BusException(BusErrorNames.UnknownObject, $"Unknown object '{call.Path}'.");
        }

        call.ReplyIntrospection([], children);
    }

    private void Introspect(BusMethodCall call, BusFace[] faces)
    {
        List<ReadOnlyMemory<byte>> interfaces = [IntrospectionXml.DBusProperties];
        if (connection.HasManager(call.Path))
        {
            interfaces.Add(BusIntrospection.ObjectManager);
        }

        interfaces.AddRange(faces.Select(face => face.Interface.IntrospectionXml));
        call.ReplyIntrospection([.. interfaces], connection.ChildrenOf(call.Path));
    }

    private static Func<Task<Action>>? Get(BusMethodCall call, BusFace[] faces)
    {
        Reader arguments = call.Arguments;
        (BusFace face, BusProperty property) = FindProperty(faces, arguments.ReadText(MaxNameBytes), arguments.ReadText(MaxNameBytes));
        return WhenFresh(
            property.Refresh is null ? [] : [property.Refresh(face.Context)],
            () => call.Reply("v", (ref MessageWriter reply) => property.WriteVariant(face.Context, ref reply)));
    }

    private Func<Task<Action>>? GetAll(BusMethodCall call, BusFace[] faces)
    {
        Reader arguments = call.Arguments;
        string name = arguments.ReadText(MaxNameBytes);
        BusFace[] asked = [.. faces.Where(face => name.Length == 0 || face.Interface.Name == name)];
        if (asked.Length == 0 && !(name is Introspectable or Peer or Properties || (name == ObjectManager && connection.HasManager(call.Path))))
        {
            throw new BusException(BusErrorNames.UnknownInterface, $"Unknown interface '{name}'.");
        }

        return WhenFresh([.. asked.SelectMany(Refresh)], () => call.Reply("a{sv}", (ref MessageWriter reply) =>
        {
            ArrayStart dictionary = reply.WriteDictionaryStart();
            foreach (BusFace face in asked)
            {
                face.Interface.WriteEntries(face.Context, ref reply);
            }

            reply.WriteDictionaryEnd(dictionary);
        }));
    }

    private Func<Task<Action>>? GetManagedObjects(BusMethodCall call) => WhenFresh(
        [.. connection.ObjectsBelow(call.Path).SelectMany(entry => entry.Value).SelectMany(Refresh)],
        () => call.Reply("a{oa{sa{sv}}}", (ref MessageWriter reply) =>
        {
            ArrayStart dictionary = reply.WriteDictionaryStart();
            foreach ((string path, BusFace[] faces) in connection.ObjectsBelow(call.Path))
            {
                connection.Sent++;
                reply.WriteDictionaryEntryStart();
                reply.WriteObjectPath(path);
                BusConnection.WriteInterfaces(faces, ref reply);
            }

            reply.WriteDictionaryEnd(dictionary);
        }));

    private static IEnumerable<Task> Refresh(BusFace face) =>
        face.Interface.Properties.Where(property => property.Refresh is not null).Select(property => property.Refresh!(face.Context));

    private static Func<Task<Action>>? WhenFresh(IReadOnlyList<Task> refreshes, Action answer)
    {
        Task[] pending = [.. refreshes.Where(refresh => !refresh.IsCompletedSuccessfully)];
        if (pending.Length == 0)
        {
            answer();
            return null;
        }

        return async () =>
        {
            await Task.WhenAll(pending).ConfigureAwait(false);
            return answer;
        };
    }

    private static (BusFace Face, BusProperty Property) FindProperty(BusFace[] faces, string @interface, string name) =>
        Array.Find(faces, face => face.Interface.Name == @interface) is { } found && found.Interface.Find<BusProperty>(name) is { } property
            ? (found, property)
            : throw new BusException(BusErrorNames.UnknownProperty, $"Unknown interface {@interface} or property {name}.");

    private static BusException RefuseToSet(BusMethodCall call, BusFace[] faces)
    {
        Reader arguments = call.Arguments;
        (BusFace _, BusProperty property) = FindProperty(faces, arguments.ReadText(MaxNameBytes), arguments.ReadText(MaxNameBytes));
        return new BusException(BusErrorNames.PropertyReadOnly, $"Property '{property.Name}' is not writable.");
    }

    private static string? InterfaceOf(string member) => member switch
    {
        "Get" or "GetAll" or "Set" => Properties,
        "GetManagedObjects" => ObjectManager,
        _ => null,
    };

    private static void Demand(BusMethodCall call, string @interface, string signature)
    {
        if (call.Signature != signature)
        {
            throw new BusException(
                BusErrorNames.InvalidArgs,
                $"Invalid arguments '{call.Signature}' to call {@interface}.{call.Member}(), expecting '{signature}'.");
        }
    }

    // What is our own fault is reported, and not shown to the caller.
    private void Fail(BusMethodCall call, Exception failure)
    {
        // An error without a valid name makes the bus close the connection.
        if (failure is BusException error && BusNaming.IsInterfaceName(error.Name))
        {
            call.Fail(error);
            return;
        }

        string member = call.Interface is null ? call.Member : $"{call.Interface}.{call.Member}";
        faulted(member, failure);
        call.Fail(new BusException(BusErrorNames.Failed, $"{member}: internal error; the service's log says more."));
    }
}
