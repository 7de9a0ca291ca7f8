import importlib.util
import platform
import sys
from pathlib import Path

import keras
import tensorflow as tf


def test_versions_devices_and_folders_are_shown(keraunos, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAUNOS_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path))
    bytecode = Path(importlib.util.cache_from_source(tf.__file__))
    bytecode.parent.mkdir(parents=True)
    bytecode.touch()
    answer = keraunos("doctor")
    assert answer.code == 0
    lines = answer.out.splitlines()
    assert lines[0].startswith(f"python {platform.python_version()} on ")
    assert f"tensorflow {tf.__version__}" in lines
    assert f"keras {keras.__version__}" in lines
    gpus = len(tf.config.list_physical_devices("GPU"))
    assert f"GPUs that TensorFlow sees: {gpus}" in lines
    assert f"cache: {tmp_path / 'cache'}" in lines
    assert f"bytecode of TensorFlow: {bytecode.parent}" in lines
    assert any(line.startswith("devices of a run: /device:") for line in lines)


def test_problems_are_shown_alongside_valid_entries(keraunos, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("mine")
    monkeypatch.setenv("KERAUNOS_CACHE_DIR", str(tmp_path / "file"))
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path / "empty"))
    answer = keraunos("doctor")
    assert answer.code == 0
    assert "cache: `cache_dir` must be a writable folder" in answer.out
    assert "devices of a run: " in answer.out
    assert "bytecode of TensorFlow: none, so that every process" in answer.out
