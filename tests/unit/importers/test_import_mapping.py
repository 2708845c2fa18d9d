"""The mapping file: ids of names, collisions, restarts, and files that are none."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from streams.errors import UserError
from streams.importers import mapping as module
from streams.importers.identifiers import content_candidate, user_candidate
from streams.importers.mapping import IdentityMap, LinkRecord, open_mapping, open_mapping_copy
from tests.support.messages import produces

NOON = 1_740_830_400_000
LINK = LinkRecord("Like", 5, 6)


def rows(path: Path, table: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as database:
        return database.execute(f"SELECT * FROM {table} ORDER BY id").fetchall()  # noqa: S608


def test_ids_are_computed_from_names_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "ids"
    with open_mapping(path) as mapping:
        user, content = mapping.user("did:plc:a"), mapping.content("at://a/b/c", NOON)
        mapping.commit()
    assert (user, content) == (user_candidate("did:plc:a"), content_candidate("at://a/b/c", NOON))
    assert rows(path, "users") == [(user, "did:plc:a")]
    assert rows(path, "contents") == [(content, "at://a/b/c")]
    assert 0 < user < 1 << 63


def test_only_what_is_committed_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "ids"
    with open_mapping(path) as mapping:
        mapping.remember("kept", LINK)
        mapping.commit()
        mapping.remember("lost", LINK)
        mapping.user("lost")
    with open_mapping(path) as mapping:
        assert mapping.recall("kept") == LINK
        assert mapping.recall("lost") is None
    assert rows(path, "users") == []


@produces("the mapping file cannot be written: …")
def test_failed_commit_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ids"
    with open_mapping(path) as mapping:
        mapping.user("one")
        mapping.remember("uri", LINK)
        monkeypatch.setattr(mapping, "_new_dates", {"uri": object()})  # SQLite cannot store it
        with pytest.raises(UserError, match="cannot be written"):
            mapping.commit()
    assert rows(path, "users") == rows(path, "records") == []


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("bits", [0, (1 << 63) - 1])
def test_names_with_one_hash_get_ids_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, restart: bool, bits: int
) -> None:
    monkeypatch.setattr(module, "user_candidate", lambda _name: bits or 1)
    monkeypatch.setattr(module, "content_candidate", lambda _uri, _at_ms: 7 << 22 | bits & 0x3FFFFC)
    monkeypatch.setattr(module, "hashed", lambda _uri, _size: bits)
    path = tmp_path / "ids"
    mapping = open_mapping(path)

    def again(mapping: IdentityMap) -> IdentityMap:
        mapping.commit()
        if not restart:
            return mapping
        mapping.close()
        return open_mapping(path)

    names = ["one", "two", "three"]
    users, contents = [], []
    for name in names:
        users.append(mapping.user(name))
        contents.append(mapping.content(name, NOON))
        mapping.remember(name, LinkRecord("Like", len(users), 1))
        mapping = again(mapping)
    assert len(set(users)) == len(set(contents)) == 3
    assert all(0 < user < 1 << 63 for user in users)
    assert {content >> 22 for content in contents} == {7}
    assert {content & 3 for content in contents} == {0}
    mapping = again(mapping)
    assert [mapping.user(name) for name in names] == users
    assert [mapping.content(name, NOON) for name in names] == contents
    links = [mapping.recall(name) for name in names]
    assert [link.target for link in links if link] == [1, 2, 3]
    assert mapping.recall("four") is None
    mapping.close()


def test_collision_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "user_candidate", lambda _name: 5)
    with open_mapping(None) as mapping:
        assert [mapping.user(name) for name in ("a", "b", "a")] == [5, 6, 5]
        assert mapping.collisions == 1


def test_first_date_of_a_content_stays(tmp_path: Path) -> None:
    with open_mapping(tmp_path / "ids") as mapping:
        first = mapping.date("note", NOON)
        assert mapping.date("note", NOON + 5) == first == mapping.dated("note")
        mapping.commit()
    with open_mapping(tmp_path / "ids") as mapping:
        assert mapping.dated("note") == first
        assert mapping.dated("other") is None


def test_timeless_content_and_its_later_date_have_two_ids() -> None:
    with open_mapping(None) as mapping:
        timeless = mapping.timeless("note")
        dated = mapping.date("note", NOON)
        assert timeless != dated
        assert mapping.timeless("note") == timeless
        assert mapping.content("note", NOON) == dated


def test_copy_leaves_the_file_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "ids"
    with open_mapping(path) as mapping:
        mapping.remember("uri", LINK)
        mapping.commit()
    before = path.read_bytes()
    with open_mapping_copy(path) as copy:
        assert copy.recall("uri") == LINK
        copy.user("new")
        copy.commit()
    assert path.read_bytes() == before
    with open_mapping_copy(tmp_path / "none") as copy:
        assert copy.recall("uri") is None
    assert [file.name for file in tmp_path.iterdir()] == ["ids"]


@produces("the mapping file … is in use by another …")
def test_file_in_use_by_another_load_is_refused(tmp_path: Path) -> None:
    with (
        open_mapping(tmp_path / "ids"),
        pytest.raises(UserError, match="in use by another"),
    ):
        open_mapping(tmp_path / "ids")


@produces("the mapping file … cannot be used")
def test_a_folder_is_no_mapping_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"the mapping file .* cannot be used") as refused:
        open_mapping(tmp_path)
    assert "--mapping" in str(refused.value.hint)


@produces("… is not a mapping file of …", "… is a mapping file of format …")
def test_other_files_are_refused_and_left_as_they_are(tmp_path: Path) -> None:
    text, foreign, future = tmp_path / "text", tmp_path / "foreign", tmp_path / "future"
    text.write_bytes(b"not a database, but longer than the header of one " * 20)
    with closing(sqlite3.connect(foreign)) as database:
        database.execute("CREATE TABLE users (name TEXT)")
    with open_mapping(future):
        pass
    with closing(sqlite3.connect(future)) as database:
        database.execute("PRAGMA user_version = 99")
    for path, message in (
        (text, "not a mapping file"),
        (foreign, "not a mapping file"),
        (future, "format 99"),
    ):
        before = path.read_bytes()
        with pytest.raises(UserError, match=message):
            open_mapping(path)
        assert path.read_bytes() == before
    with pytest.raises(UserError, match="is not a directory"):
        open_mapping(tmp_path / "no" / "such")
