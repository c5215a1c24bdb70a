using EgressAgent.Model.Resources;
using EgressAgent.Model.Yaml;

namespace EgressAgent.Model.Validation;

/// <summary>Turns the tree of one document into the routers and Services that it holds: one, or those of a list.</summary>
internal sealed class ManifestReader
{
    private readonly List<RouterDocument> _documents = [];

    private ManifestReader()
    {
    }

    public static List<RouterDocument> Read(YamlDocument document)
    {
        ManifestReader reader = new();
        if (document.IsComplete)
        {
            FaultList faults = new();
            faults.AddRange(document.Faults);
            reader.Read(document.Root!, null, null, faults);
        }
        else
        {
            ResourceKey? key = MetadataReader.ReadKeyOfPart(document.Root);
            reader._documents.Add(new RouterDocument
            {
                Source = document.Start,
                Key = key,
                Diagnostics = document.Faults.ToValueList(),
                IsIdentified = key is not null,
            });
        }

        return reader._documents;
    }

    private void Read(YamlNode node, FieldPath? path, ManifestKind? implied, FaultList faults)
    {
        if (new Field(node, path, faults).ReadFields("a mapping with `apiVersion`, `kind`, `metadata` and `spec`") is not { } fields)
        {
            _documents.Add(new RouterDocument { Source = node.Location, Diagnostics = faults.ToValueList(), IsIdentified = false });
            return;
        }

        ManifestKind? kind = ManifestKindReader.Read(fields, implied);
        if (kind is { IsList: true })
        {
            ReadList(fields, kind, faults);
        }
        else if (kind == ManifestKind.Service)
        {
            ReadService(fields, faults);
        }
        else if (kind == ManifestKind.EgressRouter)
        {
            ReadRouter(fields, faults);
        }
        else
        {
            fields.IgnoreRest();
            fields.Close();
            ResourceKey? key = MetadataReader.ReadKeyOfPart(node);
            _documents.Add(new RouterDocument
            {
                Source = fields.Location,
                Key = key,
                Diagnostics = faults.ToValueList(),
                IsIdentified = key is not null,
            });
        }
    }

    private void ReadRouter(FieldReader fields, FaultList faults)
    {
        ResourceMetadata? metadata = MetadataReader.Read(fields, ResourceKind.EgressRouter);
        EgressRouterSpec? spec = SpecReader.Read(
            fields, metadata?.Settings ?? AnnotationSettings.None, out ReservedAddresses addresses, out RedirectPlaces redirect);
        Add(
            fields,
            metadata,
            faults,
            () => new EgressRouterResource(metadata!.Key!.Value.Router!.Value, fields.Location, metadata.Labels, spec!),
            new ResourceMarks(
                fields.Path,
                metadata?.NameLocation ?? fields.Location,
                addresses.Locations,
                metadata?.Settings.InsideAddresses?.Field.Location,
                redirect.Destinations,
                redirect.Fallback)
            {
                Gateways = addresses.Gateways,
            });
    }

    private void ReadService(FieldReader fields, FaultList faults)
    {
        ResourceMetadata? metadata = MetadataReader.Read(fields, ResourceKind.Service);
        ServiceSpec? spec = ServiceReader.Read(fields, metadata?.Settings ?? AnnotationSettings.None, out ServiceMarks marks);
        Add(
            fields,
            metadata,
            faults,
            () => new ServiceResource(metadata!.Key!.Value, fields.Location, spec!),
            new ResourceMarks(fields.Path, metadata?.NameLocation ?? fields.Location, [], null, [], null) { Service = marks });
    }

    private void Add(FieldReader fields, ResourceMetadata? metadata, FaultList faults, Func<IResource> make, ResourceMarks marks)
    {
        fields.Ignore("status");
        fields.Close();
        _documents.Add(new RouterDocument
        {
            Source = fields.Location,
            Key = metadata?.Key,
            Resource = faults.HasErrors ? null : make(),
            Diagnostics = faults.ToValueList(),
            IsIdentified = metadata?.Key is not null,
            Marks = marks,
        });
    }

    private void ReadList(FieldReader fields, ManifestKind kind, FaultList faults)
    {
        IReadOnlyList<Field>? items = fields.Required("items", "a list of EgressRouter and Service")?.ReadList("a list of EgressRouter and Service");
        fields.Ignore("metadata");
        fields.Close();
        if (items is null || faults.HasErrors)
        {
            _documents.Add(new RouterDocument
            {
                Source = fields.Location,
                Diagnostics = faults.ToValueList(),
                IsIdentified = items is not null,
            });
        }

        foreach (Field item in items ?? [])
        {
            Read(item.Node, item.Path, kind == ManifestKind.EgressRouterList ? ManifestKind.EgressRouter : null, new FaultList());
        }
    }
}
