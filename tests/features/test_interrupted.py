"""Computing features is killed or stopped in the middle, and continues."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from feature_runs import BATCH, IMAGES, VALIDATION, fit, program
from keraunos.core.faults import VARIABLE
from keraunos.core.growing_file import GrowingFile
from keraunos.core.shared_store import open_store
from keraunos.trainer import fit as fitting
from programs import Program

CONTENT = 40  # bytes that identify an image: a digest, and the number of its copy


def entries(cache: Path) -> dict[str, bytes]:
    found = (path.name for path in cache.glob("features-*"))
    store = open_store(cache)
    return {name: bytes(store.open(name, "u1", (-1,))) for name in found}


def begun(cache: Path) -> list[Path]:
    files = cache.glob(".growing-features-*")
    return [path for path in files if path.suffix != ".size"]


@pytest.mark.slow
@pytest.mark.usefixtures("tiny_mobilenet")
def test_kill_loses_only_the_batch_being_computed(
    image_folder: Path, tmp_path: Path, computed: list[int]
) -> None:
    killed = Program(
        program,
        image_folder,
        tmp_path / "killed",
        output=tmp_path / "log",
        environment={VARIABLE: "after-part-is-noted:2"},
    )
    assert killed.end() == -signal.SIGKILL, killed.output
    (left,) = begun(tmp_path / "killed")
    noted = int(left.with_name(f"{left.name}.size").read_text().split()[0])
    assert entries(tmp_path / "killed") == {}
    fit(image_folder, tmp_path / "killed")
    assert computed == [IMAGES - 2 * BATCH, VALIDATION]
    fit(image_folder, tmp_path / "whole")
    whole = entries(tmp_path / "whole")
    assert entries(tmp_path / "killed") == whole
    bytes_per_image = max(map(len, whole.values())) // IMAGES - CONTENT
    assert noted == 2 * BATCH * bytes_per_image
    assert begun(tmp_path / "killed") == []


@pytest.mark.nightly
def test_signal_stops_computing_features_and_keeps_finished_batches(
    image_folder: Path, tmp_path: Path, computed: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    original = GrowingFile.append

    def append(self: GrowingFile, content: bytes) -> None:
        original(self, content)
        os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patched:
        patched.setattr(GrowingFile, "append", append)
        stopped = fit(image_folder, tmp_path)
    assert (stopped.signal, stopped.is_finished) == (signal.SIGTERM, False)
    assert len(begun(tmp_path)) == 1
    assert fit(image_folder, tmp_path).is_finished
    assert computed == [IMAGES - BATCH, VALIDATION]


@pytest.mark.nightly
def test_all_replicas_compute_features(
    image_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = []
    original = fitting.predict_batches

    def predict_batches(model: Any, source: Any, start: int) -> Any:
        counts.append(model.distribute_strategy.num_replicas_in_sync)
        return original(model, source, start)

    monkeypatch.setattr(fitting, "predict_batches", predict_batches)
    fit(image_folder, tmp_path, count=2)
    assert counts == [2, 2]
