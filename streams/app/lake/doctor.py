"""Findings of `storyline doctor` about the lake."""

from collections.abc import Iterator

from streams.app.lake.failures import failures_of
from streams.app.lake.migrate import damaged_tables, to_migrate
from streams.app.settings import Settings
from streams.errors import UserError
from streams.stack.doctor import Finding


def examine_lake(settings: Settings) -> Iterator[Finding]:
    """Yield findings about the lake; nothing if there is no lake yet."""
    lake = settings.lake_folder
    if not lake.is_dir():
        return
    try:
        damaged = damaged_tables(settings.lake_path)
        old = to_migrate(settings.lake_path, damaged)
        failures = failures_of(lake)
    except UserError as error:
        yield Finding("lake", "problem", error.message, error.hint or "")
        return
    for failure in failures:
        text = f"{failure.job} has failed since {failure.since}: {failure.message}"
        yield Finding("lake", "problem", text, failure.hint)
    for name, text in damaged.items():
        yield Finding("lake", "problem", text, f"`storyline lake rebuild {name}` writes it again")
    if old:
        text = f"{', '.join(old)}: most readers misread times before 1677-09-21 or after 2262-04-11"
        yield Finding("lake", "problem", text, "`storyline lake migrate` rewrites their files")
    if not failures and not damaged and not old:
        yield Finding("lake", "ok", str(lake))
