using System.Diagnostics;

namespace EgressAgent.Benchmarks.Relay;

/// <summary>nginx in a network namespace, one worker. Its answer is short, and it closes first when the client asks for that.</summary>
internal sealed class WebServer : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("egress-nginx").FullName;
    private readonly Process _process;

    internal WebServer(string netns, string address)
    {
        string configuration = Path.Combine(_directory, "nginx.conf");
        File.WriteAllText(configuration, $$"""
            daemon off;
            worker_processes 1;
            error_log stderr crit;
            pid {{_directory}}/pid;
            events { worker_connections 4096; }
            http {
                access_log off;
                client_body_temp_path {{_directory}}/body;
                proxy_temp_path {{_directory}}/proxy;
                fastcgi_temp_path {{_directory}}/fastcgi;
                uwsgi_temp_path {{_directory}}/uwsgi;
                scgi_temp_path {{_directory}}/scgi;
                server {
                    listen {{address}}:{{LoadPorts.Web}} backlog=4096;
                    location / { return 200 "hello\n"; }
                }
            }

            """);
        _process = BenchmarkLab.Start(netns, "nginx", "-c", configuration, "-e", "stderr");
        while (!File.Exists(Path.Combine(_directory, "pid")))
        {
            if (_process.WaitForExit(10))
            {
                throw new InvalidOperationException("nginx does not start");
            }
        }
    }

    public void Dispose()
    {
        // Its worker ends with it.
        using (Process kill = Process.Start("kill", ["-TERM", _process.Id.ToString()]))
        {
            kill.WaitForExit();
        }

        _process.WaitForExit();
        _process.Dispose();
        Directory.Delete(_directory, recursive: true);
    }
}
