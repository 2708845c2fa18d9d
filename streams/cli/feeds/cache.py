"""`storyline cache`: statistics of the data in Redis."""

from typing import Annotated

import typer

from streams.cli.common.command import command_app
from streams.cli.common.output import JsonFlag, err, out, print_json, print_table

app = command_app(
    help="Show what the caches hold.",
    epilog="Examples:  storyline cache stats  |  storyline cache stats --json",
)

_NEARLY_FULL = 0.9

STATS_EXAMPLES = """Examples:

\b
  storyline cache stats
  storyline cache stats --sample 100000
  storyline cache stats --json | jq '.kinds[] | select(.kind == "timelines")'
"""


@app.callback()
def cache() -> None:
    """Keep `stats` a verb: a command of one verb would lose its name."""


@app.command(epilog=STATS_EXAMPLES)
def stats(
    sample: Annotated[
        int, typer.Option(min=1, help="Sample this many keys if there are more.")
    ] = 10_000,
    as_json: JsonFlag = False,
) -> None:
    """Show how many keys of which kind Redis holds, and what they take.

    Hits and misses are those of every lookup since the server started, workers' included. How
    often reads were served from which cache is counted where they are made:
    storyline_cache_reads_total.
    """
    from streams.app.settings import settings
    from streams.app.stores import redis_stats

    with err.status("asking Redis …"):
        found = redis_stats(settings(), sample)
    if as_json:
        kinds = [kind._asdict() for kind in found.kinds]
        print_json(found._asdict() | {"kinds": kinds})
        return
    about = "" if found.sampled >= found.keys else "about "
    print_table(
        ("kind", "version", "keys", "MiB", "bytes a key"),
        (
            (
                kind.kind,
                kind.version,
                f"{about}{kind.keys:,}",
                _mib(kind.bytes),
                f"{kind.bytes / kind.keys:,.0f}",
            )
            for kind in found.kinds
        ),
        title=f"{found.keys:,} keys",
    )
    limit = f"of {_mib(found.max_bytes)} MiB" if found.max_bytes else "without a limit"
    looked_up = found.hits + found.misses
    share = f", {100 * found.hits / looked_up:.1f} % of lookups found" if looked_up else ""
    out.print(
        f"{_mib(found.used_bytes)} MiB used {limit} ({found.policy}), "
        f"{found.evicted:,} keys evicted{share}",
        highlight=False,
    )
    if found.max_bytes and found.used_bytes > _NEARLY_FULL * found.max_bytes:
        err.print("nearly full: what was not read lately is evicted, and read from Cassandra next")


def _mib(size: int) -> str:
    return f"{size / (1 << 20):,.1f}"
