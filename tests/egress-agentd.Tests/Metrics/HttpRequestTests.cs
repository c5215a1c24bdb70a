using System.Text;
using EgressAgent.Daemon.Metrics;

namespace EgressAgent.Daemon.Tests.Metrics;

public sealed class HttpRequestTests
{
    [Theory]
    [InlineData("", false)]
    [InlineData("text/plain", false)]
    [InlineData("*/*", false)]
    [InlineData("application/openmetrics-text", true)]
    [InlineData("application/openmetrics-text; version=1.0.0; charset=utf-8", true)]
    [InlineData("application/openmetrics-text; version=0.0.1", false)]
    [InlineData("application/openmetrics-text;q=0", false)]
    [InlineData("application/openmetrics-text;q=0.3,text/plain;version=0.0.4;q=0.5", false)]
    [InlineData("application/openmetrics-text;q=2", false)]

    // Prometheus 2.42 and 3.
    [InlineData("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", true)]
    [InlineData("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2", true)]
    public void Accept_chooses_the_format(string accept, bool isOpenMetrics) => Assert.Equal(isOpenMetrics, AcceptHeader.PrefersOpenMetrics(accept));

    [Theory]
    [InlineData("127.0.0.1:9817", true)]
    [InlineData("127.1.2.3", true)]
    [InlineData("[::1]:9817", true)]
    [InlineData("[::1]", true)]
    [InlineData("LocalHost:1", true)]
    [InlineData("", false)]
    [InlineData("[", false)]
    [InlineData("evil.example.com:9817", false)]
    [InlineData("127.0.0.1.evil.example.com", false)]
    [InlineData("192.168.12.10:9817", false)]
    [InlineData("[2001:db8::1]:9817", false)]
    public void Host_has_to_be_loopback(string host, bool isLoopback) => Assert.Equal(isLoopback, Read($"GET /metrics HTTP/1.1\r\nHost: {host}")!.IsForLoopback());

    [Fact]
    public void Head_is_read() => Assert.Equal(
        new HttpRequest("GET", "/metrics", "localhost", "text/plain,*/*;q=0.1"),
        Read("GET /metrics?name=a HTTP/1.1\r\nhost:localhost\r\nAccept: text/plain\r\nX-Any: 1\r\naccept:\t*/*;q=0.1"));

    [Theory]
    [InlineData("GET", "400 Bad Request")]
    [InlineData("\0\u0016\u0003\u0001", "400 Bad Request")]
    [InlineData("get /metrics HTTP/1.1\r\nHost: localhost", "400 Bad Request")]
    [InlineData("GET  /metrics HTTP/1.1\r\nHost: localhost", "400 Bad Request")]
    [InlineData("GET /metrics HTTP/1.1", "400 Bad Request")]
    [InlineData("GET /metrics HTTP/1.1\r\nHost: localhost\r\nHost: localhost", "400 Bad Request")]
    [InlineData("GET /metrics HTTP/1.1\r\nHost: localhost\r\n more", "400 Bad Request")]
    [InlineData("GET /metrics HTTP/1.1\r\nHost : localhost", "400 Bad Request")]
    [InlineData("GET /metrics HTTP/1.1\r\nHost: localhost\r\n: none", "400 Bad Request")]
    [InlineData("PRI * HTTP/2.0", "505 HTTP Version Not Supported")]
    public void What_is_no_request_is_refused(string head, string status)
    {
        Assert.Null(HttpRequest.Read(Encoding.Latin1.GetBytes(head), out HttpAnswer? refusal));
        Assert.Equal(status, refusal!.Status);
    }

    private static HttpRequest? Read(string head) => HttpRequest.Read(Encoding.Latin1.GetBytes(head), out _);
}
