"""Seeded bugs in the example producers of other languages."""

from tests.mutations.mutation import Mutation

_FILES = "examples/producers"
_TESTS = "tests/integration/test_producers.py"
_PUBLISHES = f"{_TESTS}::test_program_publishes_valid_events_where_python_would"
_REFUSED = f"{_TESTS}::test_program_exits_with_error_when_refused"

PRODUCERS = (
    Mutation(
        "node-legacy-partitioner",
        "events about one id are in two partitions, so their order is lost",
        f"{_FILES}/node/publish.js",
        "Partitioners.DefaultPartitioner",
        "Partitioners.LegacyPartitioner",
        (f"{_PUBLISHES}[node]",),
        stack=True,
    ),
    Mutation(
        "rust-default-partitioner",
        "keys are hashed with CRC32, librdkafka's default",
        f"{_FILES}/rust/src/main.rs",
        '"murmur2_random"',
        '"consistent_random"',
        (f"{_PUBLISHES}[rust]",),
        stack=True,
    ),
    Mutation(
        "java-id-in-header",
        "the schema's id goes into a header, where Confluent's clients do not look for it",
        f"{_FILES}/java/src/main/java/example/Publish.java",
        '"apicurio.registry.headers.enabled", false',
        '"apicurio.registry.headers.enabled", true',
        (f"{_PUBLISHES}[java]",),
        stack=True,
    ),
    Mutation(
        "go-refusal-ignored",
        "a refused event counts as published",
        f"{_FILES}/go/publish.go",
        "\t\treturn fmt.Errorf("
        '"%s: the broker did not acknowledge %s: %w", topic, recordType, err)\n',
        '\t\tfmt.Fprintln(os.Stderr, "error:", err)\n',
        (f"{_REFUSED}[go]",),
        stack=True,
    ),
)
