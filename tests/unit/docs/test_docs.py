"""What the documentation names is there: pages, headings, commands, options, settings, codes."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from streams.app.settings import Settings
from streams.app.workers.dead_letter_limit import COUNTED
from streams.cli.main import COMMANDS, command_of
from streams.contracts.batch import ErrorCode
from streams.runtime.processing.rejections import OPERATOR_REJECTED, STORE_REFUSED

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])

_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_CALL = re.compile(r"(?<![\w./-])storyline (?=-|[a-z])([^`\n#|;&…]*)")
_DESCRIPTION = re.compile(r" {2,}.*")
_ROW = re.compile(r"^\| ((?:`STORYLINE_\w+`(?:, )?)+) \| ([^|]+) \|", re.MULTILINE)
_SOURCE = re.compile(r"`((?:streams|jobs|tests|avro|bench)/[\w./-]+)`")
_SETTING = re.compile(r"STORYLINE_(?!TEST_)[A-Z]\w*")


def pages() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, made as GitHub makes them."""
    headings = _HEADING.findall(_FENCED.sub("", page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(page: Path) -> Iterator[tuple[Path, str]]:
    """(file, anchor) of each link within the repository."""
    for target in _LINK.findall(_FENCED.sub("", page.read_text(encoding="utf-8"))):
        if "://" not in target:
            file, _, anchor = target.partition("#")
            yield (page.parent / file).resolve() if file else page, anchor


def calls(page: Path) -> Iterator[list[str]]:
    """The words after `storyline` in each call of it, up to what only explains it."""
    for call in _CALL.findall(page.read_text(encoding="utf-8")):
        yield [word.strip("[]") for word in shlex.split(_DESCRIPTION.sub("", call))]


def setting_names(model: type[BaseModel], prefix: str = "STORYLINE_") -> Iterator[str]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from setting_names(field.annotation, f"{prefix}{name.upper()}__")
        else:
            yield f"{prefix}{name.upper()}"


def faults(words: list[str]) -> Iterator[str]:
    """What a call names that is not there. Values of options and arguments are not judged."""
    while words and words[0].startswith("-"):
        words = words[1:]
    if not words:
        return
    name, *rest = words
    if name not in COMMANDS:
        yield f"command {name}"
        return
    command = command_of(name)
    verbs = getattr(command, "commands", None)
    if verbs and rest and not rest[0].startswith("-"):
        verb, *rest = rest
        if verb not in verbs:
            yield f"command {name} {verb}"
            return
        command = verbs[verb]
    known = {"-h", "--help"} | {option for param in command.params for option in param.opts}
    for word in rest:
        if re.match(r"--?[a-z]", word) and word.partition("=")[0] not in known:
            yield f"option {word} of {name}"


@pages()
def test_links_lead_somewhere(page: Path) -> None:
    for file, anchor in links(page):
        assert file.exists(), f"{page.name} links to {file}"
        assert not anchor or anchor in anchors(file), f"{page.name} links to {file.name}#{anchor}"


@pages()
def test_commands_and_their_options_are_there(page: Path) -> None:
    assert [fault for words in calls(page) for fault in faults(words)] == []


@pages()
def test_settings_are_there(page: Path) -> None:
    named = set(_SETTING.findall(page.read_text(encoding="utf-8")))
    assert named <= set(setting_names(Settings))


@pages()
def test_files_are_there(page: Path) -> None:
    """Paths of the sources in running text, without placeholders."""
    named = re.findall(
        r"`((?:streams|jobs|tests|avro|bench)/[\w./-]+)`", page.read_text(encoding="utf-8")
    )
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", sorted((DOCS / "adr").glob("*.md")), ids=lambda page: page.stem)
def test_decisions_have_the_usual_sections(page: Path) -> None:
    title, *sections = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert title.partition(".")[0] == str(int(page.stem.partition("-")[0]))
    assert sections == ["Context", "Decision", "Alternatives considered", "Consequences"]


def test_every_page_is_in_the_index() -> None:
    indexed = {file for file, _ in links(DOCS / "README.md")}
    assert {page for page in DOCS.rglob("*.md") if page.name != "README.md"} <= indexed


def test_every_command_is_described() -> None:
    named = {word for page in PAGES for words in calls(page) for word in words[:1]}
    assert set(COMMANDS) <= named


def test_every_setting_is_described() -> None:
    text = "\n".join(page.read_text(encoding="utf-8") for page in DOCS.rglob("*.md"))
    missing = [
        name
        for name in setting_names(Settings)
        if name not in text and f"`…__{name.rpartition('__')[2]}`" not in text
    ]
    assert missing == []


def test_table_of_dead_letter_codes_has_each_code_once() -> None:
    """With its meaning, cause and remedy, and whether the limit of dead letters counts it."""
    text = (DOCS / "operations" / "dead-letters.md").read_text(encoding="utf-8")
    section = text.partition("\n## Codes\n")[2].partition("\n## ")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in section.splitlines()
        if line.startswith("| `")
    ]
    codes = [code.strip("`") for code, *_ in rows]
    assert sorted(codes) == sorted(ErrorCode)
    assert all(len(row) == 5 and all(row) for row in rows)
    counted = {code for code, row in zip(codes, rows, strict=True) if row[2] == "yes"}
    assert counted == COUNTED
    assert {row[2] for row in rows} == {"yes", "no"}
    beyond_contract = {STORE_REFUSED, OPERATOR_REJECTED}
    assert set(codes[8:]) == beyond_contract
    [sentence] = re.findall(r"[^.]* are an extension", section)
    assert set(re.findall(r"`(\w+)`", sentence)) == beyond_contract


def documented_defaults() -> Iterator[tuple[str, str]]:
    """Yield settings that a table's row gives as many numbers as names, and their defaults."""
    for page in PAGES:
        for row in _ROW.findall(page.read_text(encoding="utf-8")):
            names, values = (cell.split(",") for cell in row)
            if len(names) == len(values):
                for name, value in zip(names, values, strict=True):
                    if re.fullmatch(r"[\d.]+", value.strip()):
                        yield name.strip().strip("`"), value.strip()


@pytest.mark.parametrize(("name", "value"), [*documented_defaults()])
def test_documented_default_of_setting_is_the_default(name: str, value: str) -> None:
    field = name.removeprefix("STORYLINE_").lower()
    assert float(value) == Settings.model_fields[field].default


def test_defaults_of_most_numeric_settings_are_documented() -> None:
    assert len(list(documented_defaults())) > 20
