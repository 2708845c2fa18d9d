"""Output of the account changes that the lake refused or could not keep whole."""

from typing import TYPE_CHECKING, Any

from streams.cli.common.output import print_table

if TYPE_CHECKING:
    from streams.app.lake.refused_changes import RefusedChanges


def refused_json(found: "RefusedChanges | None") -> dict[str, Any] | None:
    """Return the JSON form; `None` if there is no lake."""
    if found is None:
        return None
    last = found.last
    return {
        "count": found.refused,
        "last_code": last.code if last else None,
        "last_reason": last.reason if last else None,
        "last_time": last.append_time.isoformat() if last else None,
        "last_position": f"{last.partition}:{last.offset}" if last else None,
        "degraded": found.degraded,
        "last_degraded": found.last_degraded,
    }


def refused_rows(found: "RefusedChanges | None") -> list[tuple[str, Any]]:
    """Return rows of a table of two columns: a label, and a count, position or reason."""
    if found is None:
        return [("refused changes", "unknown: there is no lake yet")]
    rows: list[tuple[str, Any]] = [("refused changes", f"{found.refused:,}")]
    if last := found.last:
        when = last.append_time.isoformat(sep=" ", timespec="seconds")
        rows.append(("last refused", f"{when}, partition {last.partition}, offset {last.offset}"))
        rows.append(("reason", f"{last.code}: {last.reason}"))
    if found.degraded:
        rows.append(("degraded changes", f"{found.degraded:,}"))
        rows.append(("last degraded", found.last_degraded))
    return rows


def print_refused(found: "RefusedChanges | None") -> None:
    """Print a table of refused and degraded changes if there are any."""
    if found is not None and (found.refused or found.degraded):
        print_table(
            ("account changes", "in the lake"),
            refused_rows(found),
            title="Refused account changes (lake table quarantine)",
        )
