"""What a fit reports by itself."""

import json
from types import SimpleNamespace

import pytest
from heard_events import Heard
from helpers import replicas
from keraunos import DivergedError
from keraunos.core.errors import WorkerError
from keraunos.trainer.loop.interruption import Interrupted
from keraunos.trainer.loop.reports import report_error
from resumable_runs import EPOCHS, STEPS, Sender, fit


def kinds(directory):
    text = (directory / "events.jsonl").read_text()
    return [json.loads(line)["kind"] for line in text.splitlines()]


@pytest.mark.slow
@pytest.mark.feature("events")
def test_resumed_run_logs_events_of_both_processes(tmp_path):
    fit(tmp_path, Sender("on_train_step_end", 5))
    assert kinds(tmp_path)[-2:] == ["checkpoint", "interrupted"]
    heard = Heard()
    fit(tmp_path, heard)
    found = kinds(tmp_path)
    assert found.index("resumed") == found.index("interrupted") + 1
    assert found[-1] == "end"
    first, last = heard.events[0], heard.events[-1]
    assert first.text.startswith("from step-00000005-mid-epoch")
    assert last.step == EPOCHS * STEPS
    written = [each.text for each in heard.events if each.kind == "checkpoint"]
    assert all(" written in " in text and text.endswith(" MB") for text in written)


@pytest.mark.parametrize(
    ("error", "reported"),
    [
        (Interrupted("interrupted", 15), ["interrupted"]),
        (DivergedError("no number"), ["divergence"]),
        (WorkerError("worker 1 is gone"), ["worker_lost", "failure"]),
        (ValueError("on purpose"), ["failure"]),
    ],
)
def test_each_ending_has_its_own_event_kind(error, reported):
    found = []

    class Run:
        strategy, run_dir = replicas(1), None

        def report(self, kind, text):
            found.append(kind)

    report_error(Run(), error)
    assert found == reported


def test_tensorflow_errors_are_reported_by_first_and_last_line():
    error = ValueError("Graph execution error:\n\n  File a\n  File b\nno memory\n")
    found = []
    run = SimpleNamespace(strategy=replicas(1), report=lambda *each: found.append(each))
    report_error(run, error)
    assert found == [("failure", "ValueError: Graph execution error: ... no memory")]


def test_a_lost_worker_is_named_whatever_tensorflow_raises(monkeypatch):
    lost = SimpleNamespace(lost="worker 1 ended unexpectedly")
    monkeypatch.setattr("keraunos.trainer.loop.reports.workers_of", lambda _: lost)
    found = []
    run = SimpleNamespace(strategy=None, report=lambda *each: found.append(each))
    report_error(run, RuntimeError("Collective ops is aborted"))
    assert found == [("worker_lost", lost.lost), ("failure", lost.lost)]
