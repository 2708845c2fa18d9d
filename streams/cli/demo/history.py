"""The demonstration's historical half: a profile change, the star schema, an analyst's answers."""

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING

from streams.cli.common.output import err, out, print_table
from streams.cli.demo.parts import run, section, show_command

if TYPE_CHECKING:
    from jobs.micro_batches import BatchDone
    from streams.app.demo.history import Profile
    from streams.app.settings import Settings


def history(settings: "Settings", near: int) -> None:
    """Show the lake; the profile that changes is the first with a user id from `near` on."""
    section("A profile changes: PostgreSQL to Kafka to the lake")
    person = _move(settings, near)
    section("The lake: Spark makes the star schema of what has landed")
    counts = _run_lake(settings)
    section("One person's history (SCD2)")
    run("ask", "--sql", _versions(person))
    section("Nothing lost, nothing twice")
    _print_totals(settings, counts)
    section("An analyst asks")
    run("ask", "dau")
    run("ask", "top-creators", "--limit", "5")
    plot = settings.home / "engagement-by-country.png"
    run("ask", "engagement-by-country", "--plot", str(plot))


def _move(settings: "Settings", near: int) -> "Profile":
    from streams.app.demo.history import move, profile, wait_until_landed

    before = profile(settings, near)
    with err.status("waiting for the change …"):
        after = move(settings, before)
        took = wait_until_landed(settings, after)
    out.print(
        f"@{before.handle} (user {before.user_id}) moves from {before.country} to"
        f" {after.country}.\nThe change is in bronze_users_cdc after {took:.1f} s.",
        highlight=False,
    )
    return after


def _run_lake(settings: "Settings") -> "Counter[str]":
    """Run the jobs once, and return counts of the rows of the engagement topics by outcome."""
    from streams.app.lake.run import Reporter, run_lake
    from streams.cli.lake.lake import line_of
    from streams.cli.stack.progress import Display
    from streams.contracts.tables import FACT_ENGAGEMENT

    counts: Counter[str] = Counter()

    def report(done: "BatchDone") -> None:
        out.print(line_of(done), markup=False, highlight=False)
        if done.query == FACT_ENGAGEMENT.name:
            counts.update(asdict(done.counts))

    show_command("lake", "run", "--once")
    with Display() as display, err.status("starting Spark …") as status:
        reporter = Reporter(batch=report, downloads=display, started=status.stop)
        run_lake(settings, once=True, reporter=reporter)
    return counts


def _versions(person: "Profile") -> str:
    return (
        "SELECT handle, country, audience_tier, valid_from, valid_to, is_current FROM dim_users"  # noqa: S608
        f" WHERE user_id = {person.user_id:d} ORDER BY valid_from"
    )


def _print_totals(settings: "Settings", counts: "Counter[str]") -> None:
    from streams.app.demo.history import landed

    with err.status("counting …"):
        rows = landed(settings)
    print_table(
        ("topic", "records in the log", "in bronze", "in quarantine", "adds up"),
        (
            (
                row.topic,
                f"{row.log:,}",
                f"{row.bronze:,}",
                f"{row.quarantined:,}",
                "yes" if row.log == row.bronze + row.quarantined else "NO",
            )
            for row in rows
        ),
        title="Every record of the log is in the lake once",
    )
    left_out = counts["conflicts"] + counts["changed"]
    out.print(
        f"Likes, views, comments and posts: {counts['rows']:,} rows of bronze ="
        f" {counts['inserted']:,} facts + {counts['duplicates']:,} repetitions"
        f" + {left_out:,} that another event overrules + {counts['other']:,} no engagement.",
        highlight=False,
    )
    run("ask", "--sql", "SELECT count(*) AS facts FROM fact_engagement")
