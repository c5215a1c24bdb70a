namespace EgressAgent.Testing;

/// <summary>The Services that OpenShift's documentation has put in front of egress routers, as they are written there.</summary>
public static class ServiceDocument
{
    /// <summary>The one of the egress router plugin.</summary>
    public const string OfThePlugin = """
        apiVersion: v1
        kind: Service
        metadata:
          name: egress-1
        spec:
          ports:
          - name: web-app
            protocol: TCP
            port: 8080
          type: ClusterIP
          selector:
            app: egress-router-cni
        """;

    /// <summary>One with a port for each rule of the documented router.</summary>
    public const string OfThreePorts = """
        apiVersion: v1
        kind: Service
        metadata:
          name: egress-router-redirect
          labels:
            app: egress-router-cni
        spec:
          selector:
            app: egress-router-cni
          ports:
          - name: tcp-8080
            protocol: TCP
            port: 8080
            targetPort: 8080
          - name: tcp-8443
            protocol: TCP
            port: 8443
            targetPort: 8443
          - name: udp-80
            protocol: UDP
            port: 80
            targetPort: 80
        """;

    /// <summary>The one of the oldest generation, whose router was a Pod.</summary>
    public const string OfTheOldest = """
        apiVersion: v1
        kind: Service
        metadata:
          name: egress-1
        spec:
          ports:
          - name: http
            port: 80
          - name: https
            port: 443
          type: ClusterIP
          selector:
            name: egress-1
        """;
}
