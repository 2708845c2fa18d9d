"""Seeded bugs in the importers of other networks' data: content lost, doubled or made public."""

from tests.mutations.mutation import Mutation

_TESTS = (
    "tests/unit/importers/test_import_jetstream.py",
    "tests/unit/importers/test_import_activitypub.py",
    "tests/unit/importers/test_import_edges.py",
    "tests/unit/importers/test_import_mapping.py",
    "tests/unit/importers/test_import_input.py",
    "tests/unit/cli/test_load_cli.py",
)

IMPORTS = (
    Mutation(
        "import-publishes-private-messages",
        "direct messages in an archive become public posts",
        "check_public",
        'raise SkippedError(Reason.NOT_PUBLIC, "it is not addressed to everyone")',
        "return",
        _TESTS,
    ),
    Mutation(
        "import-counts-facets-in-characters",
        "hashtags behind an emoji are lost",
        "post_fields",
        "_facet_tags(record, text.encode(), report)",
        '_facet_tags(record, text.encode("ascii", "replace"), report)',
        _TESTS,
    ),
    Mutation(
        "import-believes-any-record-key",
        "a post whose key contains a future time is refused by every worker",
        "_credible_time",
        "not EPOCH_MS <= at_ms <= seen_ms + MAX_AHEAD_MS",
        "not EPOCH_MS <= at_ms",
        _TESTS,
    ),
    Mutation(
        "import-sends-before-the-mapping",
        "a killed load has published a follow that no later line can end",
        "_released",
        """    if mapping is not None:
        mapping.commit()
        report.collisions = mapping.collisions
    yield from batch
""",
        """    yield from batch
    if mapping is not None:
        mapping.commit()
        report.collisions = mapping.collisions
""",
        _TESTS,
    ),
    Mutation(
        "import-merges-colliding-users",
        "two people with one hash become one user",
        "IdentityMap.user",
        "while (owner := self._users.name_of(candidate)) != name:",
        "while (owner := self._users.name_of(candidate)) is None:",
        _TESTS,
    ),
    Mutation(
        "import-merges-colliding-records",
        "an unlike takes back another user's like",
        "IdentityMap._record_key",
        "(found := self._record(key)) is not None and found[0] != uri",
        "(found := self._record(key)) is not None and not found[0]",
        _TESTS,
    ),
    Mutation(
        "import-orders-by-hash",
        "an unlike in the millisecond of its like may lose to it",
        "EventIds.identified",
        "order << _ORDER_BITS | content",
        "0 << _ORDER_BITS | content",
        _TESTS,
    ),
    Mutation(
        "import-undo-by-hash",
        "an undo in the second of its activity may lose to it",
        "OutboxReader.read",
        'int(kind == "Undo")',
        "0",
        _TESTS,
    ),
    Mutation(
        "import-event-id-of-the-place",
        "a record created again under its key shares the first one's event id",
        "EventIds.identified",
        "content = hashed(repr(event), 64)",
        'content = hashed(f"{type(event)} {event.occurred_at}", 64)',
        _TESTS,
    ),
    Mutation(
        "import-hides-damage",
        "a file that is cut off counts as loaded",
        "streams/importers/import_run.py",
        """        yield from _released(batch, mapping, report)
        raise
""",
        """        yield from _released(batch, mapping, report)
        return
""",
        _TESTS,
    ),
    Mutation(
        "import-loses-the-batch-at-damage",
        "up to 5,000 events before the damage are lost",
        "streams/importers/import_run.py",
        """        yield from _released(batch, mapping, report)
        raise
""",
        """        raise
""",
        _TESTS,
    ),
    Mutation(
        "import-strict-about-everything",
        "--strict fails on every real recording",
        "fail_if_broken",
        "if strict and report.broken:",
        "if strict and report.skipped:",
        _TESTS,
    ),
    Mutation(
        "import-dry-run-keeps-names",
        "a dry run writes a mapping file",
        "mapping_of",
        "return open_mapping_copy(path)",
        "return open_mapping(path)",
        _TESTS,
    ),
    Mutation(
        "import-drops-node-zero",
        "every follow of node 0 is lost",
        "EdgeReader._user",
        "int(digits) + self.offset",
        "int(digits)",
        _TESTS,
    ),
)
