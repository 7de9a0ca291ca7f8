import json
import os

import pytest
from keraunos.core.checked_files import write_checked_text
from keraunos.report.facts import read_facts

SPLIT = """path,sha256,class,group,split
/a/1.jpg,00,cat,0,train
/a/2.jpg,00,dog,1,train
/a/3.jpg,00,dog,2,test
"""
DROPPED = """path,policy,reason
/a/8.jpg,on_conflict,"it is filed under cat, too"
/a/9.jpg,on_unreadable,it is empty
/a/7.jpg,on_unreadable,it is empty
"""


@pytest.fixture
def run(tmp_path):
    """The files of a run, without a model."""
    directory = tmp_path / "runs" / "trial-004"
    directory.mkdir(parents=True)
    (directory / "config.yaml").write_text(
        "data: {train: /a}\ncallbacks: {log: {class: 'a:B', token: hunter2}}\n"
    )
    (directory / "environment.json").write_text('{"python": "3.12"}')
    (directory / "classes.txt").write_text("cat\ndog\n")
    (directory / "split.csv").write_text(SPLIT)
    (directory / "dropped.csv").write_text(DROPPED)
    lines = [
        {"epoch": 1, "step": 3, "loss": 2.0},
        {"epoch": 2, "step": 6, "loss": None, "val_loss": 1.5},
        {"epoch": 4, "step": 12, "loss": 1.0},
    ]
    (directory / "metrics.jsonl").write_text("\n".join(map(json.dumps, lines)))
    (directory.parent / "results.csv").write_text("trial,status\n4,completed\n")
    return directory


def test_facts_are_read_from_the_files_of_a_run(run):
    facts = read_facts(run)
    assert facts.gaps == []
    assert facts.name == "trial-004"
    assert facts.setting("data.train") == "/a"
    assert facts.setting("callbacks.log.token") == "***"
    assert facts.setting("data.nothing.below") is None
    assert facts.class_names == ("cat", "dog")
    assert facts.counts == {"train": {"cat": 1, "dog": 1}, "test": {"dog": 1}}
    assert facts.dropped == {"on_conflict": 1, "on_unreadable": 2}
    assert facts.dropped_files.rows[0][0] == "/a/8.jpg"
    assert facts.epochs == [1, 2, 4]
    assert repr(facts.history["loss"]) == "[2.0, nan, 1.0]"
    assert repr(facts.history["val_loss"]) == "[nan, 1.5, nan]"
    assert facts.siblings.rows == [["4", "completed"]]


def test_facts_of_a_refit_include_its_search(run):
    refit = run.rename(run.parent / "refit")
    assert read_facts(refit).search == {}
    (run.parent / "chosen.json").write_text('{"trial": "trial-004", "num_trials": 5}')
    facts = read_facts(refit)
    assert facts.search["num_trials"] == 5
    assert facts.siblings.title == "Trials of the search"
    (run.parent / "chosen.json").write_text("[")
    assert any("chosen.json" in gap for gap in read_facts(refit).gaps)


FILES = (
    "config.yaml",
    "environment.json",
    "classes.txt",
    "split.csv",
    "dropped.csv",
    "metrics.jsonl",
)


@pytest.mark.parametrize("name", FILES)
def test_missing_file_is_a_gap_and_the_others_are_read(run, name):
    (run / name).unlink()
    facts = read_facts(run)
    (gap,) = facts.gaps
    assert gap.startswith(f"not shown: {name}, because it can't be read (")
    assert facts.name == "trial-004"


@pytest.mark.parametrize("content", [b"\xff\xfe\x00[", b"[1]", b'"text"\n', b"a: {"])
@pytest.mark.parametrize("name", FILES)
def test_damaged_file_does_not_raise(run, name, content):
    (run / name).write_bytes(content)
    facts = read_facts(run)
    assert all(name in gap for gap in facts.gaps)


def test_modified_file_is_reported_as_a_gap(run):
    write_checked_text(run / "classes.txt", "cat\ndog\n")
    write_checked_text(run / "config.yaml", "seed: 1\n")
    (run / "config.yaml").write_text("seed: 2\n")
    (gap,) = read_facts(run).gaps
    assert (
        gap == "config.yaml differs from what the run wrote: it was changed or is damaged"
    )


def test_missing_columns_are_reported(run):
    (run / "split.csv").write_text("path,side\n/a/1.jpg,train\n")
    (gap,) = read_facts(run).gaps
    assert "its columns must be split, class" in gap


def test_fifo_does_not_block(run):
    (run / "environment.json").unlink()
    os.mkfifo(run / "environment.json")
    (gap,) = read_facts(run).gaps
    assert "it is not a regular file" in gap
