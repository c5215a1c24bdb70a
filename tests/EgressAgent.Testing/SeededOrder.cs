using System.Security.Cryptography;
using System.Text;
using Xunit.Sdk;
using Xunit.v3;

namespace EgressAgent.Testing;

/// <summary>
/// Runs tests in an order that is the same on every machine; xunit's own depends on the path of the assembly.
/// <c>EGRESS_TEST_SEED</c> gives another order, to find tests that rely on what ran before them.
/// </summary>
public sealed class SeededOrder : ITestCollectionOrderer, ITestClassOrderer, ITestMethodOrderer, ITestCaseOrderer
{
    private static readonly string Seed = Environment.GetEnvironmentVariable("EGRESS_TEST_SEED") ?? "";

    public IReadOnlyCollection<TTestCollection> OrderTestCollections<TTestCollection>(IReadOnlyCollection<TTestCollection> testCollections)
        where TTestCollection : ITestCollection =>
        Shuffle(testCollections, collection => collection.TestCollectionDisplayName);

    public IReadOnlyCollection<TTestClass?> OrderTestClasses<TTestClass>(IReadOnlyCollection<TTestClass?> testClasses)
        where TTestClass : notnull, ITestClass =>
        Shuffle(testClasses, testClass => testClass?.TestClassName);

    public IReadOnlyCollection<TTestMethod?> OrderTestMethods<TTestMethod>(IReadOnlyCollection<TTestMethod?> testMethods)
        where TTestMethod : notnull, ITestMethod =>
        Shuffle(testMethods, method => method?.MethodName);

    public IReadOnlyCollection<TTestCase> OrderTestCases<TTestCase>(IReadOnlyCollection<TTestCase> testCases)
        where TTestCase : notnull, ITestCase =>
        Shuffle(testCases, testCase => testCase.TestCaseDisplayName);

    /// <summary>Random numbers for a test: the same on every machine, others with another <c>EGRESS_TEST_SEED</c>.</summary>
    public static Random RandomOf(string test) => new(BitConverter.ToInt32(SHA256.HashData(Encoding.UTF8.GetBytes($"{Seed}/{test}"))));

    private static T[] Shuffle<T>(IReadOnlyCollection<T> items, Func<T, string?> name) =>
        [.. items.OrderBy(item => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes($"{Seed}/{name(item)}"))), StringComparer.Ordinal)];
}
