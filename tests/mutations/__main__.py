"""python -m tests.mutations: which seeded bugs the tests notice."""

import json
import os
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tests.mutations.mutation import Mutation
from tests.mutations.processes import UnsoundError, Verdict, check_sound, judge
from tests.mutations.seeded import MUTATIONS

errors = Console(stderr=True)


def main(
    names: Annotated[list[str] | None, typer.Argument(help="Mutations; all if none.")] = None,
    stack: Annotated[
        bool, typer.Option("--stack", help="Also those that only real servers show.")
    ] = False,
    tests: Annotated[
        list[str] | None,
        typer.Option("--by", help="Ask these tests instead of all that should fail."),
    ] = None,
    together: Annotated[int, typer.Option(min=1, help="How many at a time.")] = os.cpu_count() or 1,
    listed: Annotated[bool, typer.Option("--list", help="Name them, and run nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Put each seeded bug into a copy of the tree, and see whether the tests notice it.

    Ends with 1 if one survives, with 2 if a name is unknown, the tests fail without a mutation, or
    a mutation's text is no longer in the sources.
    """
    chosen = _chosen(names or [], stack)
    if tests:
        chosen = [mutation._replace(tests=tuple(tests)) for mutation in chosen]
    if listed:
        for mutation in chosen:
            typer.echo(f"{mutation.name:<28} {mutation.file}: {mutation.harm}")
        return
    try:
        verdicts = _verdicts(chosen, together)
    except (UnsoundError, ValueError) as error:
        errors.print(str(error), markup=False)
        raise typer.Exit(2) from error
    verdicts.sort(key=lambda verdict: chosen.index(verdict.mutation))
    if as_json:
        typer.echo(json.dumps([_as_dict(verdict) for verdict in verdicts], indent=2))
    else:
        _print(verdicts)
    if any(verdict.killed_by is None for verdict in verdicts):
        raise typer.Exit(1)


def _chosen(names: list[str], stack: bool) -> list[Mutation]:
    unknown = set(names) - {mutation.name for mutation in MUTATIONS}
    if unknown:
        raise typer.BadParameter(f"no such mutation: {', '.join(sorted(unknown))}")
    if names:
        return [mutation for mutation in MUTATIONS if mutation.name in names]
    return [mutation for mutation in MUTATIONS if stack or not mutation.stack]


def _verdicts(chosen: list[Mutation], together: int) -> list[Verdict]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    verdicts: list[Verdict] = []
    with Progress(*columns, TimeElapsedColumn(), console=errors, transient=True) as progress:
        task = progress.add_task("without any mutation", total=len(chosen))
        check_sound(chosen)
        for verdict in judge(chosen, together=together):
            verdicts.append(verdict)
            progress.update(task, advance=1, description=verdict.mutation.name)
            if not errors.is_terminal:
                typer.echo(json.dumps(_as_dict(verdict)), err=True)
    return verdicts


def _as_dict(verdict: Verdict) -> dict[str, object]:
    mutation, killed_by, seconds, reason = verdict
    return {
        "name": mutation.name,
        "file": mutation.file,
        "harm": mutation.harm,
        "killed": killed_by is not None,
        "killed_by": killed_by,
        "reason": reason,
        "seconds": round(seconds, 1),
    }


def _print(verdicts: list[Verdict]) -> None:
    table = Table("mutation", "in", "", "by", "s")
    table.columns[-1].justify = "right"
    for mutation, killed_by, seconds, _ in verdicts:
        verdict = "[red]survived" if killed_by is None else "killed"
        file = mutation.file.rpartition("/")[2]
        test = (killed_by or "").partition("::")[0].rpartition("/")[2]
        table.add_row(mutation.name, file, verdict, test, f"{seconds:.0f}")
    console = Console()
    console.print(table)
    killed = sum(verdict.killed_by is not None for verdict in verdicts)
    console.print(f"{killed} of {len(verdicts)} killed")


if __name__ == "__main__":
    typer.run(main)
