"""`keraunos launch` starts and restarts workers, forwards signals and cleans up."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import small_backbone
from helpers import SECONDS_AT_MOST, run_keraunos
from keraunos.cli.commands import launch as launch_module
from keraunos.cli.commands.launch import _is_restartable, code_of_failure, free_ports
from keraunos.core.restarts import Restarts
from keraunos.core.secret import TOKEN_VARIABLE
from programs import is_running, wait_for

# Beginning of every program in these tests.
START = """
import json, os, signal, socket, sys, time
from pathlib import Path
config = json.loads(os.environ["TF_CONFIG"])
rank = config["task"]["index"]
addresses = config["cluster"]["worker"]
"""


@pytest.fixture
def launch(keraunos: Any) -> Any:
    """Runs a program in workers launched by this process."""

    def run(program: str, *options: object, workers: int = 2) -> Any:
        Path("program.py").write_text(START + program)
        command = [sys.executable, "program.py"]
        return keraunos("launch", "--workers", workers, *options, "--", *command)

    return run


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


def test_each_worker_gets_its_rank_and_all_addresses(launch: Any) -> None:
    program = "print(json.dumps([rank, addresses]))\nprint('aside', file=sys.stderr)"
    answer = launch(program, workers=3)
    assert answer.code == 0, answer.err
    lines = sorted(answer.out.splitlines())
    assert [line[:4] for line in lines] == ["[0] ", "[1] ", "[2] "]
    told = [json.loads(line[4:]) for line in lines]
    assert [rank for rank, _ in told] == [0, 1, 2]
    (addresses,) = {tuple(each) for _, each in told}
    assert len(set(addresses)) == 3
    assert sorted(answer.err.splitlines()) == [f"[{rank}] aside" for rank in range(3)]


def test_hosts_option_lists_the_workers_of_all_machines(
    launch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, "0123456789abcdef")
    hosts = ["--hosts", "here,there", "--node-rank", 1, "--port", 7000, "--no-prefix"]
    answer = launch("print(rank, *addresses)", *hosts)
    assert sorted(answer.out.splitlines()) == [  # lines without a prefix
        f"{rank} here:7000 here:7001 there:7000 there:7001" for rank in (2, 3)
    ]


def test_workers_share_a_secret_that_no_command_line_reveals(launch: Any) -> None:
    """Each launch makes a new one, which is in no command line and not in TF_CONFIG."""
    program = (
        f"token = os.environ[{TOKEN_VARIABLE!r}]\n"
        "lines = [file.read_bytes() for file in Path('/proc').glob('[0-9]*/cmdline')]\n"
        "assert lines and not any(token.encode() in line for line in lines)\n"
        "assert token not in os.environ['TF_CONFIG']\n"
        "print(token)"
    )
    told = [launch(program, "--no-prefix").out.split() for _ in range(2)]
    assert [len(set(tokens)) for tokens in told] == [1, 1]
    assert told[0][0] != told[1][0]
    assert {len(tokens[0]) for tokens in told} == {64}


def test_several_machines_need_a_secret_before_anything_starts(
    launch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = ["--hosts", "here,there", "--node-rank", 1]
    answer = launch("Path('started').touch()", *hosts)
    assert answer.code == 2
    assert f"{TOKEN_VARIABLE} is not set" in answer.err
    assert not Path("started").exists()


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
def test_exit_code_is_that_of_the_failed_worker(codes: list[int], code: int) -> None:
    assert code_of_failure(codes) == code


def test_failed_worker_is_named_with_its_exit_code(launch: Any) -> None:
    answer = launch("sys.exit(3 * rank)")
    assert answer.code == 3
    assert "worker 1 (127.0.0.1:" in answer.err
    assert "ended with code 3" in answer.err


def test_missing_program_is_named(keraunos: Any) -> None:
    answer = keraunos("launch", "--", "no-such-program")
    assert answer.code == 127
    assert "no-such-program can't be run: No such file" in answer.err


@pytest.mark.slow
@pytest.mark.parametrize(
    "number",
    [
        signal.SIGTERM,
        pytest.param(signal.SIGINT, marks=pytest.mark.slow),
        pytest.param(signal.SIGUSR1, marks=pytest.mark.slow),
    ],
)
def test_signal_is_forwarded_once_to_every_worker(
    number: signal.Signals, tmp_path: Path
) -> None:
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
    launcher.communicate(timeout=SECONDS_AT_MOST)
    assert launcher.returncode == 128 + number
    for rank in (0, 1):
        assert (tmp_path / f"caught-{rank}").read_text() == f"{int(number)} "


CHILD = """
import subprocess
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
Path(f"child-{rank}").write_text(str(child.pid))
READY
"""


@pytest.mark.slow
def test_child_processes_left_by_workers_are_terminated(tmp_path: Path) -> None:
    program = CHILD + "while not Path('ready-1').exists(): time.sleep(0.01)\n"
    launcher = begin(tmp_path, program)
    launcher.communicate(timeout=SECONDS_AT_MOST)
    assert launcher.returncode == 0
    for rank in (0, 1):
        pid = int((tmp_path / f"child-{rank}").read_text())
        wait_for(lambda pid=pid: not is_running(pid))


def test_workers_do_not_outlive_a_killed_launcher(tmp_path: Path) -> None:
    launcher = begin(tmp_path, "READY\ntime.sleep(600)")
    pids = [pid_of(tmp_path, rank) for rank in (0, 1)]
    assert all(pid and is_running(pid) for pid in pids)
    launcher.kill()
    launcher.communicate(timeout=SECONDS_AT_MOST)
    for pid in pids:
        wait_for(lambda pid=pid: not is_running(pid))


# Fails in every attempt and records its progress.
ATTEMPTS = """
while rank == 1:
    time.sleep(9)
attempt = len(list(Path().glob("attempt-*")))
Path(f"attempt-{attempt}").write_text(" ".join(addresses))
Path(os.environ["KERAUNOS_PROGRESS_FILE"]).write_text(str(min(attempt, 2)))
if attempt == 1:
    os.kill(os.getpid(), signal.SIGKILL)
sys.exit([1, 0, 2][attempt])
"""


@pytest.mark.slow
def test_workers_restart_on_new_ports_while_the_run_makes_progress(
    launch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch_module, "SECONDS_TO_END", 0.2)
    answer = launch(ATTEMPTS, "--max-restarts", 1)
    used = [file.read_text() for file in sorted(Path().glob("attempt-*"))]
    assert len(set(used)) == len(used) == 3
    assert answer.code == 2, answer.err  # a wrong setting: a restart would not help
    assert answer.err.count("(1 of 1 restarts)") == 2


def test_restarts_without_progress_are_limited(launch: Any) -> None:
    program = "open('attempts', 'a').write(str(rank))\nsys.exit(1)"
    answer = launch(program, "--max-restarts", 2, workers=1)
    assert answer.code == 1
    assert Path("attempts").read_text() == "000"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        *[(code, True) for code in (1, 6, 127)],
        (0, False),
        *[(code, False) for code in (2, 3, 4, 5, 7, 8, 9)],  # a restart would not help
        *[(code, False) for code in (130, 138, 140, 143)],  # stopped by a signal
    ],
)
def test_restartable_exit_codes(code: int, expected: bool) -> None:
    assert _is_restartable(code) == expected


@pytest.mark.parametrize(
    ("limit", "progress", "allowed"),
    [
        (0, [5], 0),
        (2, [5] * 9, 2),
        (2, [-1] * 9, 2),
        (2, [1, 1, 2, 2, 3, 3, 3, 3], 6),
        (1, [1, 2, 3, 2, 1], 3),
    ],
)
def test_progress_resets_the_restart_count(
    limit: int, progress: list[int], allowed: int, tmp_path: Path
) -> None:
    file = tmp_path / "progress"
    restarts = Restarts(limit, file)
    count = 0
    for reached in progress:
        file.write_text(str(reached))
        if not restarts.is_allowed():
            break
        count += 1
    assert count == allowed


def test_unreadable_progress_counts_as_no_progress(tmp_path: Path) -> None:
    file = tmp_path / "progress"
    restarts = Restarts(1, file)
    file.write_text("no number")
    assert [restarts.is_allowed(), restarts.is_allowed()] == [True, False]
    file.write_text("7")
    assert restarts.is_allowed()


def test_workers_know_that_a_restart_gets_new_ports(launch: Any) -> None:
    """A worker whose port is taken then exits with code 6 and is restarted."""
    program = (
        "from keraunos.core.cluster import find_cluster\n"
        "sys.exit(6 if find_cluster().has_chosen_ports else 2)"
    )
    answer = launch(program, "--max-restarts", 1, workers=1)
    assert answer.code == 6
    assert "(1 of 1 restarts)" in answer.err


def test_ports_in_use_are_not_chosen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (port,) = free_ports(1)
    monkeypatch.setattr(launch_module, "FIRST_PORT", port)
    monkeypatch.setattr(launch_module, "PORTS", 1)
    assert free_ports(1) == [port]
    with (
        socket.create_server(("127.0.0.1", port)),
        pytest.raises(Exception, match="Free"),
    ):
        free_ports(1)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--hosts", "a,b", "--node-rank", "2"], "--node-rank"),
        (["--hosts", "a,b", "--max-restarts", "1"], "scheduler"),
    ],
)
def test_contradictory_options_exit_with_code_2(
    options: list[str], why: str, keraunos: Any, tmp_path: Path
) -> None:
    answer = keraunos("launch", *options, "--", "true")
    assert answer.code == 2
    assert why in answer.err


def test_multiple_workers_require_a_named_run_directory_and_a_secret(
    keraunos: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = {"cluster": {"worker": ["a:1", "b:2"]}, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(two))
    answer = keraunos("fit", "quickstart")
    assert answer.code == 2
    assert "run_dir=runs/NAME" in answer.err
    too_late = "keraunos.cli.commands.fit.load_tensorflow"
    monkeypatch.setattr(too_late, lambda trainer: pytest.fail("this takes seconds"))
    answer = keraunos("fit", "quickstart", "run_dir=runs/one")
    assert answer.code == 2
    assert f"{TOKEN_VARIABLE} is not set" in answer.err
    assert not os.listdir()


@pytest.mark.nightly
def test_two_workers_reproduce_a_single_process_on_features_and_images(
    image_folder: Path, tmp_path: Path
) -> None:
    shutil.copy(small_backbone.__file__, tmp_path / "own.py")
    model = "{builder: 'own:Small', arguments: {dropout: 0.0}}"
    (tmp_path / "own.yaml").write_text(f"model: {model}")
    settings = [
        "own.yaml",
        *[f"data.train={image_folder / 'train'}", f"data.test={image_folder / 'test'}"],
        *["data.image_size=32", "data.batch_size=7"],
        *["augmentation.views=2", "feature_cache=on", "trainer.max_epochs=2"],
        *["trainer.accelerator=cpu", "trainer.devices=1"],
        *["callbacks.figures=null", "callbacks.tensorboard=null"],
        # The second epoch trains on the images themselves.
        "callbacks.backbone_finetuning="
        "{at_epoch: 1, unfreeze_from: block2, learning_rate: 0.001}",
    ]
    alone = run_keraunos("fit", *settings, "run_dir=one", cwd=tmp_path)
    assert alone.returncode == 0, alone.stderr
    command = ["fit", *settings, "run_dir=two", "cache_dir=own"]
    both = run_keraunos("launch", "--workers", 2, "--", *command, cwd=tmp_path)
    assert both.returncode == 0, both.stderr
    assert "CPU:0 on each of 2 workers" in both.stderr
    assert list((tmp_path / "own").glob("features-*"))
    ours, theirs = (read_metrics(tmp_path / run) for run in ("two", "one"))
    assert [line["learning_rate"] for line in ours] == pytest.approx([0.01, 0.001])
    for got, expected in zip(ours, theirs, strict=True):
        assert got == pytest.approx(expected, rel=1e-4, abs=1e-5)
    tested = [
        json.loads((tmp_path / run / "test.json").read_text()) for run in ("two", "one")
    ]
    assert tested[0]["examples"] == tested[1]["examples"] == 9
    assert tested[0]["confusion_matrix"] == tested[1]["confusion_matrix"]


def read_metrics(run: Path) -> list[dict[str, float]]:
    """Reads what doesn't depend on the machine and on the number of workers."""
    others = ("seconds", "images_per_second", "data_wait_seconds", "workers/")
    lines = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    return [{n: v for n, v in line.items() if not n.startswith(others)} for line in lines]


@pytest.mark.nightly
def test_launching_a_search_with_two_workers_is_rejected(keraunos: Any) -> None:
    answer = keraunos("launch", "--workers", 2, "--", "search", "quickstart")
    assert answer.code == 2
    assert "[0] error: " in answer.err
    assert "one process" in answer.err
    assert not os.listdir()


@pytest.mark.parametrize("by", ["strategy", "environment"])
def test_search_with_multiple_workers_is_rejected(
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
