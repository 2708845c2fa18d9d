"""Seeded bugs in how a record's schema is found, and in what the registry's answers mean."""

from tests.mutations.mutation import Mutation

_CODEC = "streams/contracts/codec.py"
_FRAMES = "streams/contracts/frames.py"
_RESOLVE = "streams/contracts/schema_resolution.py"
_REFERENCES = "streams/contracts/schema_references.py"
_ANSWERS = "streams/kafka/schema_registry/verdicts.py"
_SCHEMAS = "streams/kafka/schema_registry/schema_texts.py"
_CLIENT = "streams/kafka/schema_registry/client.py"

_FRAME_TESTS = ("tests/unit/contracts/test_frames.py", "tests/unit/contracts/test_cdc_changes.py")
_SCHEMA_TESTS = ("tests/unit/contracts/test_writer_schemas.py",)
_REGISTRY_TESTS = ("tests/unit/kafka/test_registry_answers.py",)

FRAMING = (
    Mutation(
        "large-id-asked-for",
        "Avro without a frame floods the registry, or stops a worker at an id that no column holds",
        _CODEC,
        "elif 0 <= schema <= LARGEST_ID:",
        "elif schema is not None:",
        _FRAME_TESTS,
    ),
    Mutation(
        "global-id-as-content-id",
        "a record is read by another record type's schema: a follow as an unfollow",
        _FRAMES,
        "    if name.endswith(_CONTENT_ID):\n",
        "    if name:\n",
        _FRAME_TESTS,
    ),
    Mutation(
        "encoding-ignored",
        "JSON that the header announces is read as binary Avro",
        _FRAMES,
        'encoding not in (None, b"BINARY")',
        'encoding not in (None, b"BINARY", b"JSON")',
        _FRAME_TESTS,
    ),
    Mutation(
        "header-of-two-serdes",
        "of two headers that name a schema, one is believed",
        _FRAMES,
        "    if guid_header in ids and len(ids) > 1:\n",
        "    if guid_header in ids and len(ids) > 2:\n",
        _FRAME_TESTS,
    ),
    Mutation(
        "value-framed-despite-header",
        "the first five bytes of a bare value are dropped",
        _CODEC,
        "            indices, whole = zip(*bare, strict=True)\n",
        "            indices, whole = zip(*((at, body[5:]) for at, body in bare), strict=True)\n",
        _FRAME_TESTS,
    ),
    Mutation(
        "micros-as-millis",
        "times in microseconds lie 50,000 years ahead",
        _RESOLVE,
        '        if (ticks := _TICKS.get(units.get(field.name) or "", 1)) > 1\n',
        '        if (ticks := _TICKS.get(units.get(field.name) or "", 1)) > 1000\n',
        _SCHEMA_TESTS,
    ),
    Mutation(
        "instants-rounded-up-before-1970",
        "an instant before 1970 moves by a millisecond",
        _RESOLVE,
        "    return pc.subtract(whole, is_below.cast(pa.int64()))\n",
        "    return whole\n",
        _SCHEMA_TESTS,
    ),
    Mutation(
        "foreign-unit-accepted",
        "a local time, or a date, is taken for milliseconds since 1970",
        _RESOLVE,
        "if unit in _TEMPORAL and unit not in allowed:",
        "if unit in _TICKS and unit not in allowed:",
        _SCHEMA_TESTS,
    ),
    Mutation(
        "writer-alias-dropped",
        "a field that the writer renamed, with an alias, is lost without a word",
        _RESOLVE,
        "if alias in missing]",
        "if alias in missing and not field]",
        _SCHEMA_TESTS,
    ),
    Mutation(
        "reference-defined-twice",
        "a type that two references use makes the schema unreadable",
        _REFERENCES,
        "        self._defined.add(full)\n",
        "",
        _SCHEMA_TESTS,
    ),
    Mutation(
        "references-of-references-forgotten",
        "a schema whose reference has references is not read",
        _SCHEMAS,
        "            yield from self._references(found, named, seen)\n",
        "",
        _REGISTRY_TESTS,
    ),
    Mutation(
        "verdict-for-a-login",
        "a registry that wants a login drains topics into dead letters",
        _ANSWERS,
        "status not in _LOGIN | _BUSY",
        "status not in _BUSY",
        _REGISTRY_TESTS,
    ),
    Mutation(
        "verdict-for-429",
        "a registry that is overloaded drains topics into dead letters",
        _ANSWERS,
        "status not in _LOGIN | _BUSY",
        "status not in _LOGIN",
        _REGISTRY_TESTS,
    ),
    Mutation(
        "404-believed-at-once",
        "a proxy without its registry drains topics into dead letters",
        _ANSWERS,
        "        if (error.error_code or 0) >= _FIRST_CODE:\n",
        "        if error:\n",
        _REGISTRY_TESTS,
    ),
    Mutation(
        "404-of-one-id-waited-for",
        "one record with a foreign id stops its partition permanently",
        _SCHEMAS,
        "if error.http_status_code == NOT_FOUND:",
        "if error.error_code == 40403:",
        _REGISTRY_TESTS,
    ),
    Mutation(
        "verdict-kept-for-hours",
        "a schema that is registered late is not asked for again",
        _SCHEMAS,
        "missing.until <= time.monotonic()",
        "missing.until <= 0",
        _REGISTRY_TESTS,
    ),
    Mutation(
        "422-as-silence",
        "a refusal is reported as a registry that is away",
        _CLIENT,
        "                raise _refused(name, error) from error\n        return Registered(",
        "                raise RegistryUnavailableError(str(error)) from error\n"
        "        return Registered(",
        _REGISTRY_TESTS,
    ),
    Mutation(
        "former-text-forgotten",
        "after an upgrade nothing can be published until schemas are registered again",
        _CLIENT,
        "for text in (canonical_text(schemas()[record_type]), _former_text(record_type)):",
        "for text in (canonical_text(schemas()[record_type]),):",
        _REGISTRY_TESTS,
    ),
)
