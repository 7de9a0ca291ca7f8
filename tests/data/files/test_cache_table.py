"""Damaged rows and databases of the cache are never used."""

import sqlite3

import pytest
from keraunos.core.errors import ConfigError
from keraunos.data.files.cache_table import CacheTable

COLUMNS = ("name TEXT", "digest BLOB", "count INTEGER", "is_odd INTEGER")
ROWS = [(f"{n}.png", bytes([n]) * 32, n, n % 2 == 1) for n in range(20)]


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "files.sqlite"
    CacheTable(path, COLUMNS, 1).remember(ROWS)
    return path


def found(path):
    return sorted(CacheTable(path, COLUMNS, 1).find([row[0] for row in ROWS]))


def test_intact_rows_are_found(path, capsys):
    assert found(path) == sorted(ROWS)
    assert not capsys.readouterr().err


@pytest.mark.parametrize(
    "change",
    ["digest = x'00'", "count = count + 1", "is_odd = 1 - is_odd", "name = 'x.png'"],
)
def test_altered_row_is_not_found(path, change, capsys):
    with sqlite3.connect(path) as connection:
        connection.execute(f"UPDATE rows SET {change} WHERE name = '7.png'")
    connection.close()
    assert found(path) == sorted(row for row in ROWS if row[0] != "7.png")
    CacheTable(path, COLUMNS, 1).remember(ROWS)
    assert found(path) == sorted(ROWS)


def test_rows_with_flipped_bits_are_never_returned(path):
    content = path.read_bytes()
    for place in range(0, len(content), 97):
        damaged = bytearray(content)
        damaged[place] ^= 4
        path.write_bytes(damaged)
        assert set(found(path)) <= set(ROWS)


@pytest.mark.parametrize("content", [b"", b"no database at all" * 100, None])
def test_unreadable_database_is_rebuilt(path, content):
    half = path.read_bytes()[:5000]
    path.write_bytes(half if content is None else content)
    assert set(found(path)) <= set(ROWS)
    CacheTable(path, COLUMNS, 1).remember(ROWS)
    assert found(path) == sorted(ROWS)


def test_rows_of_other_versions_are_dropped(path):
    assert list(CacheTable(path, COLUMNS, 2).find(["7.png"])) == []


def test_directory_in_place_of_the_database_is_an_error(tmp_path):
    (tmp_path / "files.sqlite").mkdir()
    with pytest.raises(ConfigError, match=r"files\.sqlite"):
        found(tmp_path / "files.sqlite")
