"""Output of the verdict on home feeds: the differences, then a summary in one line."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from streams.verification.compare import FeedDifference
    from streams.verification.verify import VerifyResult

SHOWN = 10
_IDS = 5


def verdict_json(verdict: "VerifyResult", seed: int | None) -> dict[str, Any]:
    """Return the whole verdict with every difference; ids are strings."""
    return {
        "proved": verdict.is_proved,
        "seed": seed,
        "readers": list(map(str, verdict.readers)),
        "equal": verdict.equal,
        "warm": verdict.warm,
        "differences": list(map(_difference_json, verdict.differences)),
        "unanswered": [
            {"reader_id": str(reader), "missing": list(missing)}
            for reader, missing in sorted(verdict.unanswered.items())
        ],
        "unsettled": list(map(str, verdict.unsettled)),
        "pages": verdict.pages,
        "posts": verdict.posts,
        "records": verdict.records,
        "refused": verdict.refused,
        "rounds": verdict.rounds,
        "seconds": round(verdict.seconds, 3),
        "peak_mib": verdict.peak_mib,
    }


def print_verdict(verdict: "VerifyResult", seed: int | None) -> None:
    """Print the first differences, the readers without a verdict, and the summary."""
    for difference in verdict.differences[:SHOWN]:
        typer.echo("\n".join(_lines(difference)))
    if len(verdict.differences) > SHOWN:
        more = len(verdict.differences) - SHOWN
        typer.echo(f"… and {more:,} more that differ; --json has all")
    for reader, missing in sorted(verdict.unanswered.items())[:SHOWN]:
        typer.echo(f"reader {reader}: incomplete, {', '.join(missing)} did not answer")
    if verdict.unsettled:
        typer.echo(
            f"{_ids(verdict.unsettled)}: their feeds changed during each comparison; "
            "verify them again while less is written"
        )
    typer.echo(_summary(verdict, seed))


def _summary(verdict: "VerifyResult", seed: int | None) -> str:
    counts = [f"{verdict.equal:,} of {len(verdict.readers):,} readers' home feeds are equal"]
    for number, what in (
        (len(verdict.differing), "differ"),
        (len(verdict.unanswered), "incomplete"),
        (len(verdict.unsettled), "unsettled"),
    ):
        if number:
            counts.append(f"{number:,} {what}")
    parts = [
        ", ".join(counts),
        f"{verdict.warm:,} were warm",
        f"{verdict.pages:,} pages with {verdict.posts:,} posts read",
        f"{verdict.records:,} records folded, {verdict.refused:,} of them refused",
        f"{verdict.seconds:.1f} s, {verdict.peak_mib:,} MiB at most",
    ]
    if seed is not None:
        parts.append(f"seed {seed}")
    return "; ".join(parts)


def _lines(difference: "FeedDifference") -> Iterator[str]:
    fault, reader = difference.fault, difference.reader_id
    wrong = []
    if fault.missing:
        wrong.append(f"is missing {_ids(fault.missing)}")
    if fault.extra:
        wrong.append(f"has {_ids(fault.extra)} too many")
    if fault.disordered:
        wrong.append("is not newest first")
    wrong += [f"differs in {', '.join(names)} of {post}" for post, names in _first(fault.altered)]
    if fault.cut:
        wrong.append(f"is cut wrongly: {fault.cut}")
    yield f"reader {reader}, page {difference.page} {difference.path}: {'; '.join(wrong)}"
    named = (*fault.missing, *fault.extra, *fault.altered)
    if named:
        yield f"  storyline explain {reader} {named[0]}"


def _first(altered: Any) -> list[tuple[int, tuple[str, ...]]]:
    return list(altered.items())[:_IDS]


def _ids(ids: Sequence[int]) -> str:
    named = ", ".join(map(str, ids[:_IDS]))
    return named if len(ids) <= _IDS else f"{named} and {len(ids) - _IDS:,} more"


def _difference_json(difference: "FeedDifference") -> dict[str, Any]:
    fault = difference.fault
    return {
        "reader_id": str(difference.reader_id),
        "path": difference.path,
        "page": difference.page,
        "before": None if difference.before is None else str(difference.before),
        "missing": list(map(str, fault.missing)),
        "extra": list(map(str, fault.extra)),
        "disordered": fault.disordered,
        "altered": {str(post): list(names) for post, names in fault.altered.items()},
        "cut": fault.cut,
    }
