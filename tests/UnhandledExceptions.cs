using System.Runtime.CompilerServices;

namespace EgressAgent.Testing;

/// <summary>
/// An exception that nobody catches ends the run, as it ends any program: part of each test project, to be there before xunit.v3, which
/// since version 4 holds the thread on which it was thrown, so that whoever waits for that thread waits for ever.
/// </summary>
internal static class UnhandledExceptions
{
    [ModuleInitializer]
    internal static void EndTheRun() => AppDomain.CurrentDomain.UnhandledException +=
        (_, unhandled) => Environment.FailFast("a thread died of an exception that nobody caught", unhandled.ExceptionObject as Exception);
}
