import pytest
from keraunos.configs import CALLBACKS, callbacks
from keraunos.core.checked_files import read_checked_json, write_checked_json
from keraunos.core.errors import CheckpointError, ConfigError
from keraunos.search.journal import Journal, deciding_settings

SETTINGS = {"seed": 0, "space": {"x": [0.0, 1.0]}}


@pytest.fixture
def path(tmp_path):
    journal = Journal(tmp_path / "search.json", SETTINGS)
    journal.add(event="begin", trial=0)
    journal.add(event="end", trial=0, scores=[0.5, float("nan")])
    return tmp_path / "search.json"


def test_events_are_written_to_disk_immediately(path):
    first, second = Journal(path, SETTINGS).events
    assert first == {"event": "begin", "trial": 0}
    assert second["scores"][0] == 0.5
    assert second["scores"][1] != second["scores"][1]


def test_different_settings_are_rejected_with_a_diff(path):
    with pytest.raises(
        ConfigError, match=r"\+ seed: 1\n  - space\.x: .*\n  \+ space\.x: \[0\.0, 2\.0\]"
    ):
        Journal(path, {"seed": 1, "space": {"x": [0.0, 2.0]}})


def test_damaged_file_raises_instead_of_starting_a_new_search(path):
    whole = path.read_bytes()
    for damaged in (b"", whole[: len(whole) // 2], b"[]", b'{"format": 99}'):
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError, match=r"search\.json"):
            Journal(path, SETTINGS)


def test_unwritable_folder_raises(path, tmp_path):
    journal = Journal(tmp_path / "gone" / "search.json", SETTINGS)
    with pytest.raises(CheckpointError, match="must be written"):
        journal.add(event="begin", trial=0)


def test_only_settings_that_affect_trials_must_stay_the_same(path):
    Journal(path, SETTINGS | {"run_dir": "b", "trainer": {"devices": 2}})
    with pytest.raises(ConfigError, match=r"\+ trainer\.max_epochs: 3"):
        Journal(path, SETTINGS | {"trainer": {"devices": 2, "max_epochs": 3}})


def test_monitoring_callbacks_may_change(tmp_path):
    def settings(**callbacks):
        return {"callbacks": {"early_stopping": {"patience": 2}, **callbacks}}

    path = tmp_path / "search.json"
    pager = {"class": "alerts", "command": ["page"]}
    Journal(path, settings(pager=pager, health=None)).add(event="begin", trial=0)
    Journal(path, settings(prometheus={"port": 9109}, health={"every_n_steps": 7}))
    with pytest.raises(ConfigError, match=r"\+ callbacks\.mine\.class: 'my:Watch'"):
        Journal(path, settings(mine={"class": "my:Watch"}))
    with pytest.raises(ConfigError, match=r"\+ callbacks\.early_stopping\.patience: 3"):
        Journal(path, settings(early_stopping={"patience": 3}))


def test_journal_of_an_earlier_version_with_more_settings_can_be_resumed(path):
    content = read_checked_json(path, "")
    more = {"trainer": {"check_replicas": "warn"}, "search": {"max_trials": 9}}
    write_checked_json(path, content | {"settings": SETTINGS | more})
    assert len(Journal(path, SETTINGS).events) == 2


def test_only_training_callbacks_count_as_settings_that_affect_trials():
    """A new one is among them without being named anywhere else."""
    kept = deciding_settings({"callbacks": {name: {"x": 1} for name in CALLBACKS}})
    assert set(kept) == {
        f"callbacks.{name}.x"
        for name, section in CALLBACKS.items()
        if section.__module__ == callbacks.training_callbacks.__name__
    }
    assert {"callbacks.early_stopping.x", "callbacks.model_checkpoint.x"} < set(kept)
