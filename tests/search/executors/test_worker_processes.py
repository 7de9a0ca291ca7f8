"""Parallel trials in processes that die."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import keras_tuner
import keraunos as kr
import light_trials
import pytest
from helpers import SECONDS_AT_MOST
from hypermodels import build as unsendable_is_built_by
from hypermodels import run as run_search_of_models
from keraunos.callbacks.monitor import Monitor
from keraunos.configs import SearchConfig
from keraunos.core.processes import worker_environments
from keraunos.search.choice import Choice, Keep
from keraunos.search.executors.worker_processes import WorkerProcesses
from keraunos.search.journal import Journal
from keraunos.search.search import run_search
from keraunos.search.study import Study
from keraunos.search.trials import DEATHS, TrialPlan
from keraunos.search.tuning.oracles import create_oracle
from programs import is_running, wait_for

OBJECTIVE = Monitor("val_loss")
KEEP = Keep(1, Choice("best", "min"))
PATH = os.pathsep.join(
    [str(Path(light_trials.__file__).parent), os.environ.get("PYTHONPATH", "")]
)


def study_in(folder, trials=4):
    folder.mkdir(exist_ok=True)
    space = keras_tuner.HyperParameters()
    space.Float("rate", 0.1, 1.0)
    settings = SearchConfig(tuner="random", max_trials=trials)
    oracle = create_oracle(settings, OBJECTIVE, space, 0, 1)
    return Study(oracle, OBJECTIVE, Journal(folder / "search.json", {}))


@pytest.mark.slow
def test_dead_process_is_replaced_and_a_deadly_trial_is_marked_failed(tmp_path):
    study = study_in(tmp_path)
    executor = WorkerProcesses(light_trials.fit, "val_loss", [{}, {}])
    result = run_search(study, executor, tmp_path, keep=KEEP, notify=lambda line: None)
    well, killed, deadly, last = result.trials
    assert (tmp_path / "trial-001" / "died").exists()
    assert (tmp_path / "trial-001" / "begun").read_text() == "xx"
    for trial in (well, killed, last):
        rate = trial.values["rate"]
        assert trial.scores == [rate, 2 * rate, 3 * rate]
    assert (tmp_path / "trial-002" / "begun").read_text() == "x" * DEATHS
    assert deadly.status == "failed"
    assert deadly.reason == f"its process was ended by SIGKILL, {DEATHS} times"

    assert [each.plan for each in executor.workers] == [None, None]
    assert sum(each.restarts for each in executor.workers) == 1 + DEATHS


@pytest.mark.slow
def test_processes_see_their_own_gpus_and_report_trial_progress(tmp_path):
    environments = worker_environments(2, ["GPU-a", "GPU-b", "GPU-c", "GPU-d"])
    workers = WorkerProcesses(light_trials.fit_and_tell, "val_loss", environments, tmp_path)
    plans = [TrialPlan(n, {"values": {}}, tmp_path / f"trial-{n}") for n in (0, 1)]
    seen = []

    def look():
        while len(seen) < 2:
            seen[:] = [each for each in workers.workers if each.progress is not None]
            time.sleep(0.01)
        (tmp_path / "heard").touch()

    with workers:
        for plan in plans:
            workers.begin(plan)
        looks = threading.Thread(target=look, daemon=True)
        looks.start()
        assert sorted(workers.wait()[0] for _ in plans) == [0, 1]
        looks.join(60)
    assert [each.plan for each in seen] == plans
    assert [each.progress for each in seen] == [(1, 3, 0.0, 2), (1, 3, 0.25, 2)]
    gpus = [(plan.directory / "gpus").read_text() for plan in plans]
    assert gpus == ["GPU-a,GPU-b", "GPU-c,GPU-d"]
    logs = [(tmp_path / f"worker-{slot}.log").read_text() for slot in (0, 1)]
    assert logs == ["written by trial-0\n", "written by trial-1\n"]


PROGRAM = """
import sys
from pathlib import Path
import light_trials
from keraunos.search.trials import TrialPlan
from keraunos.search.choice import Choice, Keep
from keraunos.search.executors.worker_processes import WorkerProcesses

if __name__ == "__main__":
    with WorkerProcesses(light_trials.fit_for_ever, "val_loss", [{}, {}]) as workers:
        for number in (1, 2):
            directory = Path(sys.argv[1], f"trial-{number:03d}")
            workers.begin(TrialPlan(number, {"space": [], "values": {}}, directory))
        _, outcome = workers.wait()
    sys.exit(128 + outcome.signal)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "number", [pytest.param(signal.SIGTERM, marks=pytest.mark.nightly), signal.SIGKILL]
)
def test_workers_end_with_their_parent(tmp_path, number):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    process = subprocess.Popen(
        [sys.executable, program, tmp_path],
        env=os.environ | {"PYTHONPATH": PATH},
    )
    files = [tmp_path / f"trial-00{trial}" / "pid" for trial in (1, 2)]
    wait_for(lambda: all(file.exists() and file.read_text() for file in files))
    workers = [int(file.read_text()) for file in files]
    assert all(map(is_running, workers))
    process.send_signal(number)
    code = process.wait(timeout=SECONDS_AT_MOST)
    assert code == (143 if number == signal.SIGTERM else -signal.SIGKILL)
    wait_for(lambda: not any(map(is_running, workers)))


def test_build_functions_that_cannot_be_pickled_are_rejected(tmp_path):
    with pytest.raises(kr.ConfigError, match="top level of a module"):
        run_search_of_models(
            tmp_path / "s", build=lambda hp: unsendable_is_built_by(hp), parallel_trials=2
        )
    assert not (tmp_path / "s").exists()


UNGUARDED = """
import sys
from pathlib import Path
import keraunos as kr
import light_trials
from keraunos.search.choice import Choice, Keep
from keraunos.search.executors.worker_processes import WorkerProcesses
from keraunos.search.trials import TrialPlan

try:
    with WorkerProcesses(light_trials.fit, "val_loss", [{}, {}]) as workers:
        workers.begin(TrialPlan(0, {"values": {}}, Path(sys.argv[1])))
        workers.wait()
except kr.KeraunosError as error:
    print(error)
    sys.exit(error.exit_code)
"""
UNGUARDED_SEARCH = """
import sys
import hypermodels
import keraunos as kr

try:
    hypermodels.run(sys.argv[1], parallel_trials=2)
except kr.KeraunosError as error:
    print(error)
    sys.exit(error.exit_code)
"""


@pytest.mark.parametrize(
    "program", [UNGUARDED, pytest.param(UNGUARDED_SEARCH, marks=pytest.mark.nightly)]
)
def test_script_without_a_main_guard_is_rejected(tmp_path, program):
    file = tmp_path / "program.py"
    file.write_text(program)
    ended = subprocess.run(
        [sys.executable, file, tmp_path / "s"],
        env=os.environ | {"PYTHONPATH": PATH},
        capture_output=True,
        text=True,
        timeout=SECONDS_AT_MOST,
    )
    assert ended.returncode == 2, ended.stderr
    assert 'below `if __name__ == "__main__":`' in ended.stdout
    assert not (tmp_path / "s").exists()


def test_worker_process_module_does_not_import_tensorflow(tmp_path):
    module = "keraunos.search.executors.worker_processes"
    program = f"import sys, {module}\nassert 'tensorflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)


def test_gpus_are_divided_among_workers():
    def seen(count, gpus):
        return [
            each.get("CUDA_VISIBLE_DEVICES") for each in worker_environments(count, gpus)
        ]

    assert seen(2, ["0", "1", "2", "3"]) == ["0,1", "2,3"]
    assert seen(3, ["4", "7"]) == ["4", "7", "4"]
    assert seen(2, []) == [None, None]


def test_workers_share_cpu_threads_and_allow_gpu_memory_growth():
    (alone,) = worker_environments(1, [])
    many = worker_environments(10_000, [])
    assert int(alone["TF_NUM_INTRAOP_THREADS"]) == os.cpu_count()
    assert {each["TF_NUM_INTRAOP_THREADS"] for each in many} == {"1"}
    assert alone["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
