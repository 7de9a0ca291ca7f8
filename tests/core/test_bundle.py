import json

import numpy as np
import pytest
from keraunos.core import bundle as bundle_module
from keraunos.core.bundle import Bundle, read_bundle, write_bundle
from keraunos.core.errors import CheckpointError
from keraunos.core.store import Store
from safetensors.numpy import load_file

ARRAYS = {
    "w": np.arange(6.0).reshape(2, 3),
    "scalar": np.float32(3).reshape(()),
    "n": np.uint32([7]),
}


@pytest.fixture
def bundle(tmp_path):
    path = tmp_path / "bundle"
    write_bundle(path, Bundle({"weights": ARRAYS}, {"state": {"step": 3}}))
    return path


def test_bundle_round_trip_keeps_shapes_and_dtypes(bundle):
    found = read_bundle(bundle)
    assert found.documents == {"state": {"step": 3}}
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found.arrays["weights"][name], array, strict=True)


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "damage", "words"),
    [
        ("weights.safetensors", flip_a_bit, "weights.safetensors is damaged"),
        (
            "weights.safetensors",
            lambda path: path.write_bytes(b""),
            "weights.safetensors is damaged",
        ),
        ("state.json", lambda path: path.unlink(), "state.json is missing"),
        ("manifest.json", lambda path: path.unlink(), "no readable manifest"),
        ("manifest.json", lambda path: path.write_text("{"), "no readable manifest"),
    ],
)
def test_damaged_file_is_detected_and_named(bundle, name, damage, words):
    before = (bundle / name).read_bytes()
    damage(bundle / name)
    assert not (bundle / name).exists() or (bundle / name).read_bytes() != before
    with pytest.raises(CheckpointError, match=words):
        read_bundle(bundle)


def test_unknown_format_version_is_rejected(bundle):
    manifest = json.loads((bundle / "manifest.json").read_text())
    (bundle / "manifest.json").write_text(json.dumps({**manifest, "format": 99}))
    with pytest.raises(CheckpointError, match="format 99"):
        read_bundle(bundle)


def test_unchanged_shared_file_is_verified_only_once(tmp_path, monkeypatch):
    store = Store(tmp_path / "store", limit_bytes=10_000)
    arrays = {"weights": {"w": np.arange(5.0) * 3}}
    compared = []

    def load(file):
        compared.append(file.parent.name.split("-")[0])
        return load_file(file)

    monkeypatch.setattr(bundle_module, "load_file", load)
    for name in "abc":
        write_bundle(tmp_path / name, Bundle(arrays=arrays), store)
    assert compared == [".b"]
    flip_a_bit(tmp_path / "c" / "weights.safetensors")
    write_bundle(tmp_path / "d", Bundle(arrays=arrays), store)
    assert compared == [".b", ".d"]
    monkeypatch.undo()
    read = read_bundle(tmp_path / "d").arrays["weights"]["w"]
    np.testing.assert_array_equal(read, arrays["weights"]["w"])
    with pytest.raises(CheckpointError, match="damaged"):
        read_bundle(tmp_path / "c")


def test_identical_arrays_share_one_file_on_disk(tmp_path):
    store = Store(tmp_path / "store", limit_bytes=10_000)
    arrays = {"weights": {"w": np.arange(9.0), "empty": np.zeros((0, 2))}}
    others = {"weights": {"w": np.arange(9.0) + 1, "empty": np.zeros((0, 2))}}
    for name, content in (("a", arrays), ("b", arrays), ("c", others)):
        write_bundle(tmp_path / name, Bundle(arrays=content), store)
        read = read_bundle(tmp_path / name).arrays["weights"]
        np.testing.assert_array_equal(read["w"], content["weights"]["w"])
    files = [tmp_path / name / "weights.safetensors" for name in "abc"]
    assert files[0].samefile(files[1])
    assert not files[0].samefile(files[2])
    flip_a_bit(files[0])  # and with it the entry of the store
    write_bundle(tmp_path / "d", Bundle(arrays=arrays), store)
    write_bundle(tmp_path / "e", Bundle(arrays=arrays), store)
    for name in "de":
        found = read_bundle(tmp_path / name).arrays["weights"]["w"]
        np.testing.assert_array_equal(found, arrays["weights"]["w"])
    store.clear()
    assert read_bundle(tmp_path / "d").arrays["weights"]["w"][3] == 3
