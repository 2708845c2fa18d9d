"""Files of ActivityPub outboxes, and the entries in them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from streams.errors import UserError
from streams.importers.input_lines import decompressed, open_input
from streams.importers.json_values import JsonObject, as_object
from streams.importers.report import Reason

_SUFFIXES: Final = (".json", ".json.gz", ".json.zst")
_COLLECTIONS: Final = (
    "OrderedCollection",
    "OrderedCollectionPage",
    "Collection",
    "CollectionPage",
)


class Item(NamedTuple):
    """An entry of an outbox, numbered from 1; `value` is any JSON.

    `reason` and `detail` are set if the file has no entries to read.
    """

    file: str
    number: int
    value: object
    reason: Reason | None = None
    detail: str = ""


def outbox_files(path: Path) -> list[Path]:
    """Return the file itself, or every JSON file in a folder and its subfolders.

    Raises:
        UserError: There is no such file, or no JSON file in the folder.
    """
    if not path.is_dir():
        if not path.exists():
            raise UserError(f"{path} does not exist")
        return [path]
    found = sorted(file for file in path.rglob("*") if file.name.endswith(_SUFFIXES))
    if not found:
        raise UserError(f"{path} contains no file that ends in {', '.join(_SUFFIXES)}")
    return found


def items_of(path: Path) -> Iterator[Item]:
    """Yield the entries of an outbox; one entry with a reason if the file has none.

    The whole file is parsed at once, so memory grows with the largest file. Raises OSError.
    """
    name = str(path)
    with open_input(path) as stream:
        try:
            collection = orjson.loads(decompressed(stream).read())
        except orjson.JSONDecodeError as error:
            yield Item(name, 1, None, Reason.NOT_JSON, str(error))
            return
        except (EOFError, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            yield Item(name, 1, None, Reason.NOT_JSON, f"the file is damaged: {error}")
            return
    kind = as_object(collection).get("type")
    if kind not in _COLLECTIONS:
        detail = "a collection of activities is expected"
        reason = Reason.OTHER_OBJECT if isinstance(kind, str) else Reason.NOT_A_COLLECTION
        yield Item(name, 1, None, reason, detail)
        return
    values = _values(collection)
    if values is None:
        yield Item(name, 1, None, Reason.NO_ITEMS, "the collection only links to its pages")
        return
    for number, value in enumerate(values, start=1):
        yield Item(name, number, value)


def _values(collection: JsonObject) -> list[Any] | None:
    for holder in (collection, as_object(collection.get("first"))):
        for name in ("orderedItems", "items"):
            found = holder.get(name)
            if found is not None:
                return found if isinstance(found, list) else [found]
    return None
