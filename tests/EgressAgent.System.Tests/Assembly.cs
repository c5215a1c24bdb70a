using EgressAgent.Testing.Lab;

// One test after the other: a router's network namespace has one name on the whole machine.
[assembly: CollectionBehavior(CollectionBehavior.CollectionPerAssembly)]
[assembly: AssemblyFixture(typeof(LeakCheck))]
