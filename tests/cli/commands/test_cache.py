import pytest
from keraunos.core.shared_store import open_store


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, tmp_path):
    monkeypatch.setenv("KERAUNOS_CACHE_DIR", str(tmp_path / "cache"))
    store = open_store()
    for key, size in {
        f"features-{'a' * 64}": 3_000_000,
        f"features-{'b' * 64}": 500_000,
        f"images-{'c' * 64}": 7,
    }.items():
        with store.writing(key) as path:
            path.write_bytes(bytes(size))
    return store


def test_cache_content_is_listed_by_kind(keraunos, store):
    answer = keraunos("cache")
    assert answer.code == 0
    rows = [line.split() for line in answer.out.splitlines() if "features" in line]
    assert rows[0][1::2][:3] == ["features", "2", "3.5"]
    assert str(store.directory) in answer.out.replace("\n", "")


@pytest.mark.parametrize(("kind", "left"), [("features", ["images"]), ("all", [])])
def test_clearing_removes_one_kind_or_all(keraunos, store, kind, left):
    assert keraunos("cache", "--clear", kind).code == 0
    assert list(store.sizes()) == left


def test_cache_dir_option_selects_another_cache(keraunos, store, tmp_path):
    with open_store(tmp_path / "other").writing(f"features-{'d' * 64}") as path:
        path.write_bytes(bytes(9_000_000))
    answer = keraunos("cache", "--cache-dir", tmp_path / "other")
    assert "9.0" in answer.out
    assert keraunos("cache", "--clear", "all", "--cache-dir", tmp_path / "other").code == 0
    assert open_store(tmp_path / "other").sizes() == {}
    assert list(store.sizes()) == ["features", "images"]


@pytest.mark.parametrize("kind", ["feature", "../x", "*", "\x1b[31m"])
def test_unknown_kind_exits_with_code_2_and_removes_nothing(keraunos, store, kind):
    answer = keraunos("cache", "--clear", kind)
    assert answer.code == 2
    assert "`clear` must be one of all, features" in answer.err
    assert "\x1b" not in answer.err
    assert list(store.sizes()) == ["features", "images"]


@pytest.mark.parametrize("limit", ["inf", "-1", "nan", "20GB"])
def test_invalid_cache_limit_exits_with_code_2(keraunos, monkeypatch, limit):
    monkeypatch.setenv("KERAUNOS_CACHE_LIMIT_GB", limit)
    answer = keraunos("cache")
    assert answer.code == 2
    assert f"KERAUNOS_CACHE_LIMIT_GB='{limit}'" in answer.err
