"""`storyline load`: data of other networks, converted to events."""

from pathlib import Path
from typing import Annotated

import typer

from streams.cli.common.command import command_app
from streams.cli.events.emit import (
    AccountsFile,
    Bad,
    Destination,
    Duplicates,
    NoAccounts,
    Out,
    Publish,
    Speed,
    Summary,
)
from streams.cli.events.load_options import (
    STDIN,
    DryRun,
    InputFile,
    Lines,
    Mapping,
    SkippedFile,
    Strict,
    fail_if_broken,
    import_report,
    input_name,
    mapping_of,
    opened,
)
from streams.cli.read.options import parse_instant
from streams.contracts.times import now_ms
from streams.errors import UserError

app = command_app(
    help="Turn other networks' data into events.",
    epilog="Example:  storyline load jetstream day.jsonl.zst --publish",
)


@app.command(
    epilog="""\b
Examples:
  storyline load higgs ../shared/data/higgs --out higgs.jsonl
  storyline load higgs ../shared/data/higgs --limit 50000 --publish
  storyline load higgs ../shared/data/higgs --publish --speed 600
""",
)
def higgs(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Holds the files of the set.")],
    limit: Annotated[int | None, typer.Option(min=1, help="Read at most this many lines.")] = None,
    until: Annotated[
        int | None,
        typer.Option(parser=parse_instant, metavar="TIME", help="Only lines up to then."),
    ] = None,
    duplicates: Duplicates = 0.0,
    bad: Bad = 0,
    out: Out = None,
    publish: Publish = False,
    accounts: AccountsFile = None,
    no_accounts: NoAccounts = False,
    speed: Speed = None,
    summary: Summary = False,
) -> None:
    """Load SNAP's Higgs week: retweets, mentions and answers of 1 to 7 July 2012.

    A follows B from just before A first acts on B; a retweet becomes a repost, a mention a post,
    a reply a comment. Ids come from line numbers, so loading twice gives the same events. With
    --publish, who is first met gets an account in PostgreSQL.
    """
    from streams.cli.events.emit import emit
    from streams.generate.accounts import accounts_of_recorded
    from streams.generate.duplicates import with_duplicates
    from streams.generate.higgs import events_of
    from streams.generate.interactions import read_interactions

    to = Destination(out, publish, speed, bad, accounts, no_accounts)
    interactions = read_interactions(directory, limit=limit, until_ms=until)
    stream = with_duplicates(events_of(interactions), duplicates, seed=1)
    expected = round(len(interactions) * 1.9 * (1 + duplicates))
    members = accounts_of_recorded() if to.takes_accounts else None
    emit(stream, to, expected=expected, as_json=summary, accounts=members)


@app.command(
    epilog="""\b
Examples:
  storyline load edges soc-Epinions1.txt.gz --publish
  storyline load edges facebook_combined.txt.gz --undirected --out follows.jsonl
  storyline load edges twitter.txt --offset 0 --reverse --start 2012-01-01T00:00:00Z --publish
""",
)
def edges(
    file: InputFile,
    offset: Annotated[
        int, typer.Option(help="Added to each node's number: with 1, node 0 is user 1.")
    ] = 1,
    undirected: Annotated[
        bool,
        typer.Option(
            "--undirected/--directed", help="A line means a follow in both directions, or in one."
        ),
    ] = False,
    reverse: Annotated[
        bool, typer.Option("--reverse", help="The second node follows the first.")
    ] = False,
    start: Annotated[
        int,
        typer.Option(
            parser=parse_instant, metavar="TIME", help="The follows are spread over the year after."
        ),
    ] = "2010-01-01T00:00:00Z",  # type: ignore[assignment]
    limit: Lines = None,
    out: Out = None,
    publish: Publish = False,
    dry_run: DryRun = False,
    strict: Strict = False,
    skipped: SkippedFile = None,
    summary: Summary = False,
) -> None:
    """Load an edge list, such as SNAP's: each line `A B` means that A follows B.

    Further columns, and lines that start with # or %, are ignored. An edge list has no times:
    a hash of the pair decides when in the year a follow happened, so loading twice, or the same
    pair from another file, gives the same event.
    """
    from itertools import islice

    from streams.cli.events.emit import emit
    from streams.contracts.ids import EPOCH_MS
    from streams.importers.edges import YEAR_MS, EdgeReader
    from streams.importers.import_run import events_of_lines
    from streams.importers.input_lines import lines_of

    to = Destination(out, publish, None, 0, dry_run=dry_run)
    if not EPOCH_MS <= start <= now_ms() - YEAR_MS:
        raise UserError("--start must be in 2010 or later, and at least a year ago", exit_code=2)
    if undirected and reverse:
        raise UserError("--undirected and --reverse exclude each other", exit_code=2)
    reader = EdgeReader(start, offset, undirected, reverse)
    name = input_name(file)
    with import_report(skipped) as report, opened(file) as stream:
        lines = islice(lines_of(stream, name), limit)
        events = events_of_lines(lines, reader.read, report, None, name=name, now_ms=now_ms)
        emit(events, to, expected=None, as_json=summary, report=report)
    fail_if_broken(report, strict=strict)


@app.command(
    epilog="""\b
Examples:
  storyline load jetstream day.jsonl.zst --dry-run
  storyline load jetstream day.jsonl.zst --publish
  websocat wss://HOST/subscribe | storyline load jetstream - --mapping bluesky.sqlite --publish
""",
)
def jetstream(
    file: InputFile,
    mapping: Mapping = None,
    limit: Lines = None,
    out: Out = None,
    publish: Publish = False,
    speed: Speed = None,
    dry_run: DryRun = False,
    strict: Strict = False,
    skipped: SkippedFile = None,
    summary: Summary = False,
) -> None:
    """Load lines of Bluesky's Jetstream: posts, likes, reposts, follows and blocks.

    Accounts and posts have ids computed from their names; the mapping file keeps them, and what
    each like, follow and block was about, which the line that ends it does not say. Loading a file
    twice gives the same events.
    """
    from itertools import islice

    from streams.cli.events.emit import emit
    from streams.importers.import_run import events_of_lines
    from streams.importers.input_lines import lines_of
    from streams.importers.jetstream import JetstreamReader

    to = Destination(out, publish, speed, 0, dry_run=dry_run)
    name = input_name(file)
    with (
        import_report(skipped) as report,
        opened(file) as stream,
        mapping_of(mapping, file, to) as names,
    ):
        reader = JetstreamReader(names, report, now_ms)
        lines = islice(lines_of(stream, name), limit)
        events = events_of_lines(lines, reader.read, report, names, name=name, now_ms=now_ms)
        emit(events, to, expected=None, as_json=summary, report=report)
    fail_if_broken(report, strict=strict)


@app.command(
    epilog="""\b
Examples:
  storyline load activitypub outbox.json --dry-run
  storyline load activitypub archives/ --mapping fediverse.sqlite --publish
""",
)
def activitypub(
    path: Annotated[
        str, typer.Argument(metavar="FILE|DIR", help="An outbox, or a folder of JSON files.")
    ],
    mapping: Mapping = None,
    out: Out = None,
    publish: Publish = False,
    speed: Speed = None,
    dry_run: DryRun = False,
    strict: Strict = False,
    skipped: SkippedFile = None,
    summary: Summary = False,
) -> None:
    """Load ActivityPub outboxes, such as the outbox.json of a Mastodon archive.

    Only what is addressed to everyone is loaded: an archive contains private messages, too.
    Outboxes that refer to each other belong into one command. Loading them twice gives the same
    events.
    """
    from streams.cli.events.emit import emit
    from streams.importers.activitypub import OutboxReader
    from streams.importers.import_run import events_of_items
    from streams.importers.outbox_files import items_of, outbox_files

    if path == STDIN:
        raise UserError("an outbox is read twice: standard input cannot be", exit_code=2)
    to = Destination(out, publish, speed, 0, dry_run=dry_run)
    files = outbox_files(Path(path))
    with import_report(skipped) as report, mapping_of(mapping, path, to) as names:
        reader = OutboxReader(names, report, now_ms)
        events = events_of_items(
            lambda: (item for file in files for item in items_of(file)),
            reader,
            report,
            names,
            now_ms=now_ms,
        )
        emit(events, to, expected=None, as_json=summary, report=report)
    fail_if_broken(report, strict=strict)
