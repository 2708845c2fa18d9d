"""`storyline doctor`: checks of everything that the local stack needs."""

from dataclasses import asdict

import typer

from streams.cli.common.command import command_app
from streams.cli.common.output import JsonFlag, out, print_json

app = command_app()

_MARKS = {"ok": "[green]ok     [/]", "note": "[yellow]note   [/]", "problem": "[red]problem[/]"}


@app.command(epilog="Examples:\n\n\b\n  storyline doctor\n  storyline doctor --json\n")
def doctor(as_json: JsonFlag = False) -> None:
    """Check Java, paths, disk, memory, downloaded files, ports and the lake.

    Exits with 1 if there is a problem.
    """
    from rich.markup import escape

    from streams.app.lake.doctor import examine_lake
    from streams.app.settings import settings
    from streams.app.stack import local_stack
    from streams.stack.doctor import examine

    findings = (*examine(local_stack(settings())), *examine_lake(settings()))
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            advice = f" ({escape(finding.advice)})" if finding.advice else ""
            line = f"{_MARKS[finding.level]} {finding.subject}: {escape(finding.text)}{advice}"
            out.print(line, highlight=False, soft_wrap=True)
    if any(finding.level == "problem" for finding in findings):
        raise typer.Exit(1)
