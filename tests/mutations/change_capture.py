"""Seeded bugs in the change stream of accounts: what is captured, read, and concluded from it."""

from tests.mutations.mutation import Mutation

_CONNECTOR = "streams/accounts/connector.py"
_TRIAL = "streams/accounts/ddl_trial.py"
_SCHEMA = "streams/accounts/capture_schema.py"
_READ = "streams/contracts/cdc.py"
_REFUSED = "streams/app/lake/refused_changes.py"
_CHANGES = "jobs/transforms/user_changes.py"

_CONFIG = ("tests/unit/accounts/test_cdc_connector.py",)
_DDL = ("tests/unit/accounts/test_cdc_ddl.py",)
_ENVELOPES = ("tests/unit/contracts/test_cdc_changes.py", "tests/unit/app/test_refused_changes.py")
_SPARK = ("tests/unit/jobs/test_users_scd2.py",)

CAPTURING = (
    Mutation(
        "capture-any-case",
        "a column that is added in another case is captured, and its default stops the stream",
        _CONNECTOR,
        '"(?-i:{name.',
        '"(?:{name.',
        _CONFIG,
    ),
    Mutation(
        "capture-any-character",
        "a name's dots match anything",
        _CONNECTOR,
        "name.replace('.', '[.]')",
        "name",
        _CONFIG,
    ),
    Mutation(
        "capture-placeholder-of-debezium",
        "a user who is named like the placeholder keeps the old name",
        _CONNECTOR,
        '        "unavailable.value.placeholder": UNAVAILABLE,\n',
        "",
        _CONFIG,
    ),
    Mutation(
        "change-of-an-odd-time-refused",
        "an account with a date beyond 9999 is lost to analysts",
        _READ,
        '        notes.append(f"{name} is no time of the years 1 to 9999 with a zone")\n',
        '        raise _invalid(f"{name} is no time with a zone") from None\n',
        _ENVELOPES,
    ),
    Mutation(
        "change-degraded-in-silence",
        "a value that was dropped shows nowhere",
        _READ,
        '        notes.append(f"{name} is no time of the years 1 to 9999 with a zone")\n',
        "",
        _ENVELOPES,
    ),
    Mutation(
        "change-judged-by-the-row-before",
        "the change that repairs an account is called degraded",
        _READ,
        '_user(envelope["before"], _Notes())',
        '_user(envelope["before"], notes)',
        _ENVELOPES,
    ),
    Mutation(
        "change-of-a-delete-judged-by-before",
        "a delete whose old row holds defaults is refused, and the account stays",
        _READ,
        "        own = own or None",
        "        own = own",
        _ENVELOPES,
    ),
    Mutation(
        "change-refused-without-its-marker",
        "a refused end of a snapshot ends nobody",
        _READ,
        '    known |= {name: row[name] for name in ("op", "lsn", "snapshot", "committed_at")}\n',
        "",
        _ENVELOPES,
    ),
    Mutation(
        "change-refused-under-a-disputed-key",
        "a refused change counts for one of two accounts that it may be of",
        _READ,
        '    known["user_id"] = None\n',
        "",
        _ENVELOPES,
    ),
    Mutation(
        "change-refused-by-a-logical-type",
        "a column numeric(5,-2) puts every change of every account into the quarantine",
        _READ,
        "            if name not in _LOGICAL\n",
        "",
        _ENVELOPES,
    ),
    Mutation(
        "refused-of-every-topic",
        "refused posts are counted as refused account changes",
        _REFUSED,
        "f\"topic = '{USERS_TOPIC}'\"",
        '"true"',
        _ENVELOPES,
    ),
    Mutation(
        "refused-oldest-shown",
        "the reason that is shown is the oldest one",
        _REFUSED,
        "pc.max(rows[_TIME])",
        "pc.min(rows[_TIME])",
        _ENVELOPES,
    ),
    Mutation(
        "trial-overlooks-case",
        "a column that stops Debezium for good is called harmless",
        _TRIAL,
        "by_lower.setdefault(name.lower(), [])",
        "by_lower.setdefault(name, [])",
        _DDL,
    ),
    Mutation(
        "trial-overlooks-types",
        "a type that the registry refuses is called harmless",
        _TRIAL,
        "        if now.type not in allowed:",
        "        if not allowed:",
        _DDL,
    ),
    Mutation(
        "trial-overlooks-row-security",
        "a snapshot that reads no row ends every account",
        _TRIAL,
        "    if after.has_row_security and not before.has_row_security:",
        "    if after.has_row_security and before.has_row_security:",
        _DDL,
    ),
    Mutation(
        "trial-asks-about-the-old-schema",
        "a column that must not be null again is called harmless",
        _SCHEMA,
        "was.not_null == now.not_null",
        "was.type == now.type",
        _DDL,
    ),
    Mutation(
        "unread-taken-for-absent",
        "an account whose row of a snapshot was refused counts as deleted",
        _CHANGES,
        '        closes = closes.join(_unread(refused), own, "left_anti")\n',
        "",
        _SPARK,
        stack=True,
    ),
    Mutation(
        "unread-key-overlooked",
        "accounts are ended by a snapshot of which a row of an unknown account was refused",
        _CHANGES,
        '.where("named IS NULL")',
        '.where("false")',
        _SPARK,
        stack=True,
    ),
    Mutation(
        "unsent-text-lost-with-its-key",
        "an account that gets another id loses its name",
        _CHANGES,
        "_inherited(shaped, linked) if linked.pairs else _carried(shaped)",
        "_carried(shaped)",
        _SPARK,
        stack=True,
    ),
    Mutation(
        "unsent-text-of-the-next-owner",
        "an account gets the name of who took its old id later",
        _CHANGES,
        ' & (F.col("at") < F.col("moved"))',
        "",
        _SPARK,
        stack=True,
    ),
    Mutation(
        "name-taken-for-the-placeholder",
        "a user who is named like Debezium's placeholder keeps the old name",
        _CHANGES,
        '(value == DEBEZIUM_UNAVAILABLE) & ~F.col("whole")',
        "value == DEBEZIUM_UNAVAILABLE",
        _SPARK,
        stack=True,
    ),
)
