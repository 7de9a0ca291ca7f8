import os

from keraunos.data.streams.known_names import KnownNames


def test_known_names_behave_like_a_set(monkeypatch):
    monkeypatch.setattr("keraunos.data.streams.known_names._MOST_RECENT", 7)
    names = [f"{number % 60}.png" for number in range(100)]
    names.insert(20, os.fsdecode(b"\xff.png"))
    known, wanted = KnownNames(), set()
    for name in names:
        assert (name in known) == (name in wanted)
        assert known.add(name) == (name not in wanted)
        wanted.add(name)
    assert all(name in known for name in wanted)
    assert "60.png" not in known
