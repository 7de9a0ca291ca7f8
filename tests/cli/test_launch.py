"""`keraunos launch` starts workers, hands signals on, restarts them and leaves nothing."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from helpers import run_keraunos
from keraunos.cli.launch import code_of_failure, free_ports
from keraunos.core.restarts import Restarts

# What every program of these tests begins with.
START = """
import json, os, signal, socket, sys, time
from pathlib import Path
config = json.loads(os.environ["TF_CONFIG"])
rank = config["task"]["index"]
addresses = config["cluster"]["worker"]
"""


def launch(
    folder: Path, program: str, *options: object, workers: int = 2
) -> subprocess.CompletedProcess[str]:
    (folder / "program.py").write_text(START + program)
    command = [sys.executable, "program.py"]
    return run_keraunos(
        "launch", "--workers", workers, *options, "--", *command, cwd=folder
    )


def begin(folder: Path, program: str, *options: str) -> subprocess.Popen[str]:
    """Starts workers, and waits until both have written the file `ready-RANK`."""
    ready = 'Path(f"ready-{rank}").write_text(str(os.getpid()))\n'
    (folder / "program.py").write_text(START + program.replace("READY\n", ready))
    launcher = subprocess.Popen(
        [
            *[sys.executable, "-m", "keraunos", "launch", "--workers", "2", *options],
            *["--", sys.executable, "program.py"],
        ],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(lambda: all(pid_of(folder, rank) for rank in (0, 1)))
    return launcher


def pid_of(folder: Path, rank: int) -> int | None:
    file = folder / f"ready-{rank}"
    text = file.read_text() if file.exists() else ""
    return int(text) if text else None


def wait_for(condition: Any, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] != "Z"
    except OSError:
        return False


def test_each_worker_knows_all_and_which_it_is(tmp_path: Path) -> None:
    program = "print(json.dumps([rank, addresses]))\nprint('aside', file=sys.stderr)"
    done = launch(tmp_path, program, workers=3)
    assert done.returncode == 0, done.stderr
    lines = sorted(done.stdout.splitlines())
    assert [line[:4] for line in lines] == ["[0] ", "[1] ", "[2] "]
    told = [json.loads(line[4:]) for line in lines]
    assert [rank for rank, _ in told] == [0, 1, 2]
    (addresses,) = {tuple(each) for _, each in told}
    assert len(set(addresses)) == 3
    assert sorted(done.stderr.splitlines()) == [f"[{rank}] aside" for rank in range(3)]


def test_without_a_prefix_lines_are_as_they_were(tmp_path: Path) -> None:
    done = launch(tmp_path, "print('line')", "--no-prefix")
    assert done.stdout.splitlines() == ["line", "line"]


@pytest.mark.parametrize(
    ("codes", "code"),
    [
        ([0, 0, 0], 0),
        ([0, -9, 6], 6),
        ([6, 6], 6),
        ([-15], 6),
        ([6, 1, 2], 1),
        ([143], 143),
    ],
)
def test_the_code_is_that_of_the_failure(codes: list[int], code: int) -> None:
    assert code_of_failure(codes) == code


def test_when_one_fails_its_code_is_told_and_it_is_named(tmp_path: Path) -> None:
    done = launch(tmp_path, "sys.exit(3 * rank)")
    assert done.returncode == 3
    assert "worker 1 (127.0.0.1:" in done.stderr
    assert "ended with code 3" in done.stderr


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = run_keraunos("launch", "--", "no-such-program", cwd=tmp_path)
    assert done.returncode == 127
    assert "no-such-program can't be run: No such file" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_a_signal_is_handed_on_to_all_once(number: signal.Signals, tmp_path: Path) -> None:
    program = f"""
def handle(number, frame):
    Path(f"caught-{{rank}}").open("a").write(f"{{number}} ")
    sys.exit(128 + number)
signal.signal({int(number)}, handle)
READY
time.sleep(60)
"""
    launcher = begin(tmp_path, program, "--max-restarts", "3")
    launcher.send_signal(number)
    launcher.communicate(timeout=60)
    assert launcher.returncode == 128 + number
    for rank in (0, 1):
        assert (tmp_path / f"caught-{rank}").read_text() == f"{int(number)} "


CHILD = """
import subprocess
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
Path(f"child-{rank}").write_text(str(child.pid))
READY
"""


def test_what_a_worker_leaves_behind_is_ended(tmp_path: Path) -> None:
    program = CHILD + "while not Path('ready-1').exists(): time.sleep(0.01)\n"
    launcher = begin(tmp_path, program)
    launcher.communicate(timeout=60)
    assert launcher.returncode == 0
    for rank in (0, 1):
        pid = int((tmp_path / f"child-{rank}").read_text())
        wait_for(lambda pid=pid: not is_running(pid))


def test_workers_do_not_outlive_a_launcher_that_is_killed(tmp_path: Path) -> None:
    launcher = begin(tmp_path, "READY\ntime.sleep(600)")
    pids = [pid_of(tmp_path, rank) for rank in (0, 1)]
    assert all(pid and is_running(pid) for pid in pids)
    launcher.kill()
    launcher.communicate(timeout=60)
    for pid in pids:
        wait_for(lambda pid=pid: not is_running(pid))


# Fails in every attempt; says how many there were, and how far it has come in each.
ATTEMPTS = """
while rank == 1:
    if Path("end").exists():
        sys.exit(0)
    time.sleep(0.01)
attempt = len(list(Path().glob("attempt-*")))
Path(f"attempt-{attempt}").write_text(" ".join(addresses))
steps = STEPS_REACHED
Path(os.environ["KERAUNOS_PROGRESS_FILE"]).write_text(str(steps[attempt]))
end = Path("end").touch
CODE
"""


def attempts(
    folder: Path, progress: list[int], how: str, max_restarts: int, monkeypatch: Any
) -> tuple[int, int]:
    """The exit code, and how many attempts there were."""
    from keraunos.cli import launch as module

    monkeypatch.setattr(module, "SECONDS_TO_END", 0.2)
    monkeypatch.chdir(folder)
    program = ATTEMPTS.replace("STEPS_REACHED", str(progress)).replace("CODE", how)
    (folder / "program.py").write_text(START + program)
    from keraunos.cli.main import main

    options = ["--workers", "2", "--max-restarts", str(max_restarts)]
    code = main(["launch", *options, "--", sys.executable, "program.py"])
    return code, len(list(folder.glob("attempt-*")))


@pytest.mark.parametrize(
    ("progress", "how", "max_restarts", "expected"),
    [
        ([5] * 9, "sys.exit(1)", 0, (1, 1)),
        ([5] * 9, "sys.exit(1)", 2, (1, 3)),
        ([-1] * 9, "os.kill(os.getpid(), 9)", 2, (6, 3)),
        ([1, 1, 2, 2, 3, 3], "sys.exit(9) if attempt < 5 else end()", 2, (0, 6)),
        ([1, 2, 3], "sys.exit([9, 2, 0][attempt])", 5, (2, 2)),  # a wrong setting
        ([1, 2, 3], "sys.exit([9, 5, 0][attempt])", 5, (5, 2)),  # diverged
        ([1, 2, 3], "sys.exit([9, 143, 0][attempt])", 5, (143, 2)),  # was told to stop
    ],
)
def test_restarts_count_until_a_run_comes_further(
    progress: list[int],
    how: str,
    max_restarts: int,
    expected: tuple[int, int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert attempts(tmp_path, progress, how, max_restarts, monkeypatch) == expected


def test_each_attempt_has_ports_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts(tmp_path, [-1] * 3, "sys.exit(1)", 2, monkeypatch)
    used = [file.read_text() for file in tmp_path.glob("attempt-*")]
    assert len(set(used)) == len(used) == 3


def test_progress_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    file = tmp_path / "progress"
    restarts = Restarts(1, file)
    file.write_text("no number")
    assert [restarts.is_allowed(), restarts.is_allowed()] == [True, False]
    file.write_text("7")
    assert restarts.is_allowed()


def test_ports_on_which_somebody_listens_are_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from keraunos.cli import launch as module

    (port,) = free_ports(1)
    monkeypatch.setattr(module, "FIRST_PORT", port)
    monkeypatch.setattr(module, "PORTS", 1)
    assert free_ports(1) == [port]
    with socket.create_server(("127.0.0.1", port)), pytest.raises(Exception, match="free"):
        free_ports(1)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--hosts", "a,b", "--node-rank", "2"], "--node-rank"),
        (["--hosts", "a,b", "--max-restarts", "1"], "scheduler"),
    ],
)
def test_what_makes_no_sense_is_2(
    options: list[str], why: str, keraunos: Any, tmp_path: Path
) -> None:
    answer = keraunos("launch", *options, "--", "true")
    assert answer.code == 2
    assert why in answer.err


def test_hosts_by_hand_name_the_workers_of_all_machines(tmp_path: Path) -> None:
    options = ["--hosts", "here,there", "--node-rank", 1, "--port", 7000]
    done = launch(tmp_path, "print(rank, *addresses)", *options)
    assert sorted(done.stdout.splitlines()) == [
        f"[{rank}] {rank} here:7000 here:7001 there:7000 there:7001" for rank in (2, 3)
    ]


def test_several_workers_need_a_named_run_directory(
    keraunos: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = {"cluster": {"worker": ["a:1", "b:2"]}, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(two))
    answer = keraunos("fit", "quickstart")
    assert answer.code == 2
    assert "run_dir=runs/NAME" in answer.err


@pytest.mark.slow
def test_two_workers_train_on_cached_features_and_report_like_one(
    pictures: Path, tmp_path: Path
) -> None:
    settings = [
        *[f"data.train={pictures / 'train'}", f"data.test={pictures / 'test'}"],
        *["data.image_size=32", "data.batch_size=7", "model.weights=null"],
        *["model.backbone=MobileNetV3Small", "model.dropout=0.0"],
        *["augmentation.views=2", "feature_cache=on", "trainer.max_epochs=2"],
        *["trainer.accelerator=cpu", "callbacks.pictures=null"],
    ]
    alone = run_keraunos("fit", "classify", *settings, "run_dir=one", cwd=tmp_path)
    assert alone.returncode == 0, alone.stderr
    command = ["fit", "classify", *settings, "run_dir=two", "cache_dir=own"]
    options = ["--workers", 2, "--"]
    both = run_keraunos("launch", *options, *command, cwd=tmp_path)
    assert both.returncode == 0, both.stderr
    assert "CPU:0 on each of 2 workers" in both.stderr
    assert list((tmp_path / "own").glob("features-*"))
    ours, theirs = (read_metrics(tmp_path / run) for run in ("two", "one"))
    for got, expected in zip(ours, theirs, strict=True):
        assert got == pytest.approx(expected, rel=1e-4, abs=1e-5)
    tested = [
        json.loads((tmp_path / run / "test.json").read_text()) for run in ("two", "one")
    ]
    assert tested[0]["examples"] == tested[1]["examples"] == 9
    assert tested[0]["confusion_matrix"] == tested[1]["confusion_matrix"]


def read_metrics(run: Path) -> list[dict[str, float]]:
    times = ("seconds", "images_per_second", "data_wait_seconds")
    lines = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    return [{n: v for n, v in line.items() if n not in times} for line in lines]


@pytest.mark.parametrize("by", ["strategy", "environment"])
def test_a_search_by_several_workers_is_refused(
    by: str, keraunos: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = ["trainer.strategy=multi_worker"] if by == "strategy" else []
    if by == "environment":
        cluster = {"worker": ["a:1", "b:2"]}
        task = {"type": "worker", "index": 0}
        value = json.dumps({"cluster": cluster, "task": task})
        monkeypatch.setenv("TF_CONFIG", value)
    answer = keraunos("search", "quickstart", *settings)
    assert answer.code == 2
    assert "one process" in answer.err
    assert not os.listdir()
