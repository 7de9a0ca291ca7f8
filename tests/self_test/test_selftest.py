"""The whole self-test, with checks whose verdicts are known."""

import json
import signal
import time
from pathlib import Path
from typing import Any

import keraunos
import pytest
from keraunos.cli.main import main
from keraunos.core.errors import ConfigError, SelfTestError
from keraunos.self_test import selftest as module
from keraunos.self_test.check import Check
from keraunos.self_test.registry import CHECKS
from keraunos.self_test.selftest import selftest
from keraunos.self_test.verdict import Verdict

MACHINE = {
    "processor": "Some CPU",
    "cores": 2,
    "memory_gib": 7.5,
    "gpus": [],
    "driver": None,
    "python": "3.12.1",
    "versions": {"keraunos": "0.1.0"},
}


@pytest.fixture
def verdicts(monkeypatch: pytest.MonkeyPatch) -> dict[str, Verdict]:
    """Verdicts of checks by the last part of their module; `passed` by default."""
    known = {"machine": Verdict("passed", "", MACHINE)}

    def run_check(name: str, settings: Any, limit_seconds: float) -> Verdict:
        assert settings.folder.is_dir()
        return known.get(name.rpartition(".")[2], Verdict("passed", "as it should"))

    monkeypatch.setattr(module, "run_check", run_check)
    return known


def run(*arguments: object) -> int:
    return main(["doctor", "--selftest", *map(str, arguments)])


def test_every_check_has_a_row_that_is_reported_when_it_finishes(verdicts, capsys):
    told = []
    report = selftest(minutes=60, on_row=told.append)
    assert told == report.rows
    wanted = [check.name for check in CHECKS if check.where != "all"]
    assert [row.name for row in report.rows] == wanted
    assert set(report.promises.values()) == {"passed"}
    selftest(minutes=60, checks=CHECKS[:1])
    expected = "replicas agree, float32 on 1 CPU split in 2: passed (as it should)\n"
    assert capsys.readouterr().err == expected


def test_checks_exceeding_the_time_limit_are_not_measured(verdicts):
    checks = [Check(f"{n} s", "a promise", "any", "one", n) for n in (10, 1000, 20)]
    report = selftest(minutes=5, checks=checks)
    assert [row.verdict.status for row in report.rows] == [
        "passed",
        "not measured",
        "passed",
    ]
    assert report.rows[1].verdict.summary == "time"
    assert report.without_time == 1


def test_check_cut_short_by_the_time_limit_does_not_count_as_failed(verdicts, monkeypatch):
    def hang(name: str, settings: Any, limit_seconds: float) -> Verdict:
        clock.append(clock[-1] + limit_seconds)
        return Verdict("failed", "it did not end")

    clock = [time.monotonic()]
    monkeypatch.setattr(
        module, "describe_machine", lambda: {**MACHINE, "start_seconds": 1.0}
    )
    monkeypatch.setattr(module, "run_check", hang)
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[-1])
    check = Check("a", "a promise", "any", "one", 25)
    report = selftest(minutes=2, checks=[check, check, check])
    statuses = [row.verdict.status for row in report.rows]
    assert statuses == ["failed", "not measured", "not measured"]
    assert report.seconds == 120


def test_too_short_time_limit_raises(verdicts):
    with pytest.raises(ConfigError, match=r"at least 1\..*minutes=0.5"):
        selftest(minutes=0.5)


def test_tensorflow_that_does_not_start_raises(verdicts):
    verdicts["machine"] = Verdict("failed", "it was ended by SIGILL: no AVX")
    with pytest.raises(SelfTestError, match=r"must start.*SIGILL: no AVX"):
        selftest()


@pytest.mark.parametrize(
    ("number", "left_by"),
    [(signal.SIGTERM, SystemExit), (signal.SIGINT, KeyboardInterrupt)],
)
def test_signal_leaves_no_temporary_folder(number, left_by, monkeypatch):
    folders = []

    def run_check(name: str, settings: Any, limit_seconds: float) -> None:
        folders.append(settings.folder)
        signal.raise_signal(number)

    monkeypatch.setattr(module, "run_check", run_check)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(left_by):
        selftest()
    assert len(folders) == 1
    assert not folders[0].exists()
    assert signal.getsignal(signal.SIGTERM) == before


def test_selftest_is_exported_by_the_package():
    assert keraunos.selftest is selftest


def test_command_shows_the_tables_and_writes_the_json(
    verdicts, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    verdicts["memory"] = Verdict("slow", "it takes long", {"fits": 3})
    assert run("--minutes", 60) == 0
    shown = capsys.readouterr().out
    assert "Some CPU, 2 cores" in shown
    assert "it takes long" in shown
    assert "keraunos-selftest.json can be attached" in shown
    content = json.loads((tmp_path / "keraunos-selftest.json").read_text())
    assert content["promises"]["Memory does not grow from fit to fit"] == "slow"
    assert "did not fit into the time limit" not in shown
    assert run("--minutes", 1) == 0
    assert "did not fit into the time limit: try --minutes 2" in capsys.readouterr().out
    assert {path.name for path in tmp_path.iterdir()} == {
        "keraunos-selftest.json",
        "keraunos-selftest-2.json",
    }


def test_broken_promise_exits_with_code_9_and_still_writes_the_json(
    verdicts, tmp_path, capsys
):
    verdicts["all_reduce"] = Verdict("failed", "a sum is wrong")
    file = tmp_path / "found.json"
    assert run("--minutes", 60, "--output", file) == 9
    assert "all-reduce='a sum is wrong'" in capsys.readouterr().err
    statuses = [check["status"] for check in json.loads(file.read_text())["checks"]]
    assert statuses.count("failed") == 1


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--selftest", "--output", "mine.json"], "`--output` must be a new file"),
        (["--selftest", "--output", "no/such/folder/x.json"], "must be writable"),
        (["--minutes", "3"], "`--minutes` is for `--selftest`"),
        (["--output", "x.json"], "`--output` is for `--selftest`"),
        (["--selftest", "--minutes", "0"], "greater than or equal to 1"),
    ],
)
def test_invalid_arguments_are_rejected_immediately(
    arguments, reason, verdicts, tmp_path, monkeypatch, capsys
):
    (tmp_path / "mine.json").write_text("mine")
    monkeypatch.chdir(tmp_path)
    assert main(["doctor", *arguments]) == 2
    assert reason in capsys.readouterr().err
    assert {path.name: path.read_text() for path in Path().iterdir()} == {
        "mine.json": "mine"
    }


# Placed first on the path of every process: a broken installation.
BROKEN = """
import importlib.util, pathlib, sys
NAME = "keraunos.trainer.step.train"

class Break:
    def find_spec(self, name, path, target=None):
        if name != NAME:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        execute = spec.loader.exec_module

        def execute_and_break(module):
            execute(module)
            original = module.sums_on_devices

            def wrong(strategy, values, repeats=1):
                pathlib.Path({landed!r}).touch()
                added = original(strategy, values, repeats)
                if strategy.num_replicas_in_sync == 1:
                    return added
                return [
                    sums._replace(
                        denominators={{n: 0.5 * d for n, d in sums.denominators.items()}}
                    )
                    for sums in added
                ]

            module.sums_on_devices = wrong

        spec.loader.exec_module = execute_and_break
        return spec

sys.meta_path.insert(0, Break())
"""


@pytest.mark.nightly
def test_broken_installation_is_detected(tmp_path, monkeypatch):
    landed = tmp_path / "landed"
    (tmp_path / "sitecustomize.py").write_text(BROKEN.format(landed=str(landed)))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    wanted = {"replicas_agree", "workers_agree"}
    checks = [
        check
        for check in CHECKS
        if check.module in wanted and check.options.get("precision") in (None, "float32")
    ]
    report = selftest(minutes=6, checks=checks)
    assert landed.exists()
    assert [row.verdict.status for row in report.rows] == ["failed", "failed"]
    assert all("weights differ by" in row.verdict.summary for row in report.rows)


@pytest.mark.nightly
def test_all_promises_hold_on_this_machine(tmp_path, monkeypatch):
    report = selftest(minutes=7)
    assert {row.verdict.status for row in report.rows} <= {"passed", "slow", "not measured"}
    passed = {row.name for row in report.rows if row.verdict.status == "passed"}
    assert {"replicas agree, float32", "kill and resume", "all-reduce"} <= passed
    assert report.seconds < 7 * 60 + 10
