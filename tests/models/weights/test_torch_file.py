"""Files of PyTorch are read, and nothing that they name is run."""

import pickle
import pickletools
import random
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from keraunos.models.weights import torch_file
from keraunos.models.weights.pickle_machine import UnsafePickleError
from keraunos.models.weights.torch_file import read_torch_file
from torch_files import (
    NO_HOOKS,
    group,
    legacy_bytes,
    name,
    number,
    numbers,
    of_arrays,
    state_dict,
    storage,
    tensor,
    text,
    write_torch_file,
    zip_bytes,
)

ARRAYS = {
    "conv.weight": np.arange(24, dtype="float32").reshape(2, 3, 2, 2),
    "bn.num_batches_tracked": np.array(7, "int64"),
    "half": np.array([1.5, -2.0], "float16"),
}
FLOATS = {"0": bytes(16)}
HARMFUL = {
    *("exec", "compile", "import", "os.system", "os.exec", "os.posix_spawn"),
    *("subprocess.Popen", "pickle.find_class", "marshal.loads", "socket.connect"),
}
_noted: list[str] = []
_is_noting = False


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if _is_noting and event in HARMFUL:
        _noted.append(event)


b"a".decode("cp437")  # which zipfile imports when it first needs it
sys.addaudithook(_note)


@contextmanager
def nothing_runs() -> Iterator[None]:
    """Fails if anything is imported, looked up by a pickle, or run."""
    global _is_noting
    _noted.clear()
    _is_noting = True
    try:
        yield
    finally:
        _is_noting = False
    assert _noted == []


def refused(path: Path, content: bytes, words: str) -> None:
    path.write_bytes(content)
    with nothing_runs(), pytest.raises(UnsafePickleError, match=words):
        for each in read_torch_file(path).values():
            each.read()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "weights.pth"


@pytest.mark.parametrize("write", [zip_bytes, lambda *parts: zip_bytes(*wrapped(*parts))])
def test_tensors_are_read_by_name(write, path):
    path.write_bytes(write(*of_arrays(ARRAYS)))
    with nothing_runs():
        found = read_torch_file(path)
        values = {key: each.read() for key, each in found.items()}
    assert {key: each.shape for key, each in found.items()} == {
        key: each.shape for key, each in ARRAYS.items()
    }
    np.testing.assert_equal(values, ARRAYS)


def wrapped(pickled: bytes, storages: dict[str, bytes]) -> tuple[bytes, dict[str, bytes]]:
    """As training scripts save it: the state dict next to the epoch."""
    inner = pickled.removeprefix(b"\x80\x02").removesuffix(b".")
    return state_dict([("epoch", number(3)), ("state_dict", inner)]), storages


def test_the_format_before_pytorch_1_6_is_read(path):
    arrays = {"a": np.arange(6, dtype="float32").reshape(2, 3), "b": np.ones(2, "float32")}
    path.write_bytes(legacy_bytes(*of_arrays(arrays)))
    with nothing_runs():
        found = {key: each.read() for key, each in read_torch_file(path).items()}
    np.testing.assert_equal(found, arrays)


def test_view_is_extracted_from_its_storage(path):
    view = tensor(storage("0", 12), (2, 3), (1, 4), offset=1)  # a transposed part
    data = np.arange(12, dtype="float32")
    path.write_bytes(zip_bytes(state_dict([("w", view)]), {"0": data.tobytes()}))
    found = read_torch_file(path)["w"].read()
    np.testing.assert_equal(found, data.reshape(3, 4).T[1:3])


def test_bfloat16_becomes_float32(path):
    upper = np.array([1.5, -0.25], "float32").view("uint32") >> 16
    stored = state_dict([("w", tensor(storage("0", 2, "BFloat16Storage"), (2,), (1,)))])
    path.write_bytes(zip_bytes(stored, {"0": upper.astype("uint16").tobytes()}))
    np.testing.assert_equal(read_torch_file(path)["w"].read(), [1.5, -0.25])


class Reduced:
    """Pickles to a call of whatever it is given."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def calls(marker: Path) -> dict[str, object]:
    import builtins
    import os
    import subprocess

    code = f"open({str(marker)!r}, 'w')"
    return {
        "os.system": Reduced(os.system, f"touch {marker}"),
        "eval": Reduced(builtins.eval, code),
        "exec": Reduced(builtins.exec, code),
        "Popen": Reduced(subprocess.Popen, ["touch", str(marker)]),
        "nested": {"a": [{"b": (Reduced(builtins.eval, code),)}]},
        "getattr": Reduced(builtins.getattr, marker, "touch"),
        "loads": Reduced(pickle.loads, pickle.dumps(Reduced(builtins.eval, code))),
    }


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("write", [zip_bytes, legacy_bytes])
def test_functions_in_a_pickle_are_never_called(protocol, write, path, tmp_path):
    marker = tmp_path / "it-ran"
    for what in calls(marker).values():
        content = pickle.dumps({"weight": what}, protocol)
        refused(path, write(content, {}), "names|instruction|no tensor")
        assert not marker.exists()


@pytest.mark.parametrize("write", [zip_bytes, legacy_bytes])
@pytest.mark.parametrize(
    "harmful",
    [
        name("os", "system") + group(text("true")) + b"R",
        text("os") + text("system") + b"\x93" + group(text("true")) + b"R",
        text("torch._utils") + text("_rebuild_tensor_v2.__globals__") + b"\x93",
        name("torch", "load"),
        name("torch.storage", "_load_from_bytes") + group(text("x")) + b"R",
        name("torch.jit", "_load"),
        name("numpy.core.multiarray", "_reconstruct"),
        name("collections", "OrderedDict") + group(number(1)) + b"R",
        name("torch", "FloatStorage") + b")R",  # a name that is not a function
        text("torch._utils _rebuild_tensor_v2") + b")R",  # text that looks like one
        name("torch._utils", "_rebuild_tensor_v2") + b")R",
        name("torch._utils", "_rebuild_tensor_v2") + b"}" + text("a") + number(1) + b"sb",
        name("torch._utils", "_rebuild_parameter") + group(number(1)) + b"R",
        name("collections", "OrderedDict") + b")\x81",  # an instance without a call
        b"(ios\nsystem\n",
        b"(" + name("os", "system") + text("true") + b"o",
        b"\x82\x01",  # an extension by its number
        b"\x95" + bytes(8) + b"\x98",  # a buffer from elsewhere
        b"P0\n",  # a persistent name in text
    ],
)
def test_instructions_that_tensors_do_not_need_are_rejected(harmful, write, path):
    words = "names|instruction|call|damaged|attributes|not a tensor|in another way"
    refused(path, write(state_dict([("weight", harmful)]), {}), words)


def test_attributes_of_dictionaries_are_ignored(path):
    dictionary = name("collections", "OrderedDict") + b")R"
    attributes = b"}" + text("__class__") + text("os") + b"sb"
    pickled = b"\x80\x02" + dictionary + b"(" + text("w")
    pickled += tensor(storage("0", 4), (4,), (1,)) + b"u" + attributes + b"."
    path.write_bytes(zip_bytes(pickled, FLOATS))
    assert list(read_torch_file(path)) == ["w"]


@pytest.mark.parametrize("write", [zip_bytes, legacy_bytes])
@pytest.mark.parametrize(
    ("stored", "words"),
    [
        (tensor(storage("0", 2**40), (2**40,), (1,)), "as large as it claims"),
        (tensor(storage("0", 5), (5,), (1,)), "as large as it claims"),
        (tensor(storage("0", 3), (3,), (1,)), "as large as it claims"),
        (tensor(storage("0", 2, "DoubleStorage"), (2,), (1,)), None),
        (tensor(storage("0", -4), (4,), (1,)), "size is not a number"),
        (tensor(storage("0", 4), (5,), (1,)), "beyond its storage"),
        (tensor(storage("0", 4), (2, 2), (3, 1)), "beyond its storage"),
        (tensor(storage("0", 4), (4,), (1,), offset=1), "beyond its storage"),
        (tensor(storage("0", 4), (2**40,), (0,)), "beyond its storage"),
        (tensor(storage("0", 4), (4,), (1,), offset=-1), "not sizes"),
        (tensor(storage("0", 4), (-1,), (1,)), "not sizes"),
        (tensor(storage("0", 4), (4,), (-1,), offset=3), "not sizes"),
        (tensor(storage("0", 4), (2**200,), (1,)), "not sizes"),
        (tensor(storage("0", 4), (1,) * 9, (1,) * 9), "not sizes"),
        (tensor(storage("0", 4), (2, 2), (1,)), "not sizes"),
        (tensor(storage("../../secret", 4), (4,), (1,)), "key is not a number"),
        (tensor(storage("/etc/passwd", 4), (4,), (1,)), "key is not a number"),
        (tensor(storage("0", 4, "QInt8Storage"), (4,), (1,)), "names torch.QInt8"),
        (tensor(text("0"), (4,), (1,)), "without a storage"),
        (tensor(storage("1", 4), (4,), (1,)), "as large as it claims|storages are not"),
    ],
)
def test_tensor_cannot_reach_beyond_its_storage(stored, words, write, path):
    content = write(state_dict([("weight", stored)]), FLOATS)
    if words is None and write is zip_bytes:  # as many bytes, read as other numbers
        path.write_bytes(content)
        assert read_torch_file(path)["weight"].read().shape == (2,)
    else:
        refused(path, content, words or "as large as it claims")


def plain() -> bytes:
    return tensor(storage("0", 4), (4,), (1,))


@pytest.mark.parametrize(
    ("pickled", "words"),
    [
        (state_dict([("w", plain()), ("w", plain())]), "key 'w' twice"),
        (state_dict([("w", plain()), ("v", tensor(storage("0", 2), (2,), (1,)))]), "two"),
        (b"\x80\x02}q\x00(" + text("w") + b"h\x00u.", "'w', which is not a tensor"),
        (b"\x80\x02}(" + NO_HOOKS + plain() + b"u.", "neither text nor a number"),
        (state_dict([("w", b"\x85" * 20_000)]), "damaged"),
        (state_dict([("w", number(1) + b"\x85" * 20_000)]), "not a tensor"),
        (state_dict([("w", b"]q\x00h\x00a")]), "not a tensor"),
        (state_dict([("w", number(3))]), "'w', which is not a tensor"),
        (b"\x80\x02" + plain() + b".", "a dictionary of tensors"),
        (b"\x80\x02}.", "a dictionary of tensors"),
        (b"\x80\x02" + numbers(1) + number(1) + b".", "damaged"),
        (b"\x80\x02u.", "damaged"),
        (b"\x80\x02h\x07.", "damaged"),
        (b"\x80\x02\x8d" + b"\xff" * 7 + b"\x3f.", "damaged"),  # a text of many exabytes
        (b"", "damaged"),
        (b"no pickle", "damaged|instruction"),
    ],
)
def test_pickle_without_a_state_dict_is_rejected(pickled, words, path):
    refused(path, zip_bytes(pickled, FLOATS), words)


def test_archive_not_written_by_pytorch_is_rejected(path, monkeypatch):
    pickled = state_dict([("w", plain())])
    bomb = zip_bytes(pickled, {"0": bytes(16)}, compression=zipfile.ZIP_DEFLATED)
    refused(path, bomb, "compressed")
    refused(path, zip_bytes(pickled, FLOATS, byteorder=b"big"), "big-endian")
    refused(path, zip_bytes(pickled, {}), "as large as it claims")
    with (
        pytest.warns(UserWarning, match="Duplicate name"),
        zipfile.ZipFile(path, "a") as it,
    ):
        it.writestr("archive/data.pkl", pickled)
    refused(path, path.read_bytes(), "twice")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/data.pkl", pickled)
        archive.writestr("b/data.pkl", pickled)
    refused(path, path.read_bytes(), "not written by torch.save")
    encrypted = bytearray(zip_bytes(pickled, FLOATS))
    encrypted[encrypted.rindex(b"PK\x01\x02") + 8] |= 1
    refused(path, bytes(encrypted), "encrypted")
    monkeypatch.setattr(torch_file, "MAX_PICKLE_BYTES", 20)
    refused(path, zip_bytes(pickled, FLOATS), "too large for tensors")


def test_overlapping_archive_entries_are_rejected(path):
    """Many entries at one position of a small file would fill the memory."""
    content = zip_bytes(state_dict([("w", plain())]), {"0": bytes(4000)})
    start = content.rindex(b"PK\x01\x02", 0, content.rindex(b"PK\x01\x02"))
    entry = content[start : content.index(b"PK\x01\x02", start + 4)]
    copies = [entry.replace(b"data/0", b"data/%d" % digit) for digit in range(1, 10)]
    end = bytearray(content[content.index(b"PK\x05\x06") :])
    for place in (8, 10):
        end[place] += len(copies)
    size = int.from_bytes(end[12:16], "little") + sum(map(len, copies))
    end[12:16] = size.to_bytes(4, "little")
    middle = content[start : content.index(b"PK\x05\x06")]
    refused(path, content[:start] + b"".join(copies) + middle + end, "claim more bytes")


@pytest.mark.parametrize("write", [zip_bytes, legacy_bytes])
def test_truncated_file_is_rejected(write, path):
    content = write(*of_arrays({"a": np.ones((2, 2), "float32")}))
    for end in range(0, len(content) - 1, 13):
        refused(
            path, content[:end], "damaged|not written by torch.save|as large as it claims"
        )


@pytest.mark.parametrize("write", [zip_bytes, legacy_bytes])
def test_file_with_altered_bytes_is_read_safely_or_rejected(write, path):
    content = write(*of_arrays({"a": np.ones((2, 2), "float32")}))
    drawn = random.Random(0)
    for _ in range(80):
        changed = bytearray(content)
        for _ in range(drawn.randint(1, 4)):
            changed[drawn.randrange(len(changed))] = drawn.randrange(256)
        path.write_bytes(changed)
        with nothing_runs():
            try:
                values = [each.read() for each in read_torch_file(path).values()]
            except UnsafePickleError:
                continue
        assert all(each.nbytes <= len(content) for each in values)


def test_non_text_storage_keys_are_rejected(path):
    content = legacy_bytes(*of_arrays({"a": np.ones(4, "float32")}))
    keys = b"\x80\x02](" + text("0") + b"e."
    for odd in (number(1) + text("0"), text("0") + b"N", b"}}", b"]]"):
        changed = content.replace(keys, b"\x80\x02](" + odd + b"e.")
        refused(path, changed, "not those that its tensors need")


def test_every_pickle_instruction_is_known_or_rejected(path):
    """An instruction that a later Python adds is rejected."""
    known = {"PROTO", "FRAME", "STOP"}
    for code in pickletools.opcodes:
        if code.name in known or code.arg is not None:
            continue
        path.write_bytes(zip_bytes(b"\x80\x02" + code.code.encode("latin-1") + b".", {}))
        with nothing_runs(), pytest.raises(UnsafePickleError):
            read_torch_file(path)


def test_tensors_are_read_lazily(path, monkeypatch):
    write_torch_file(path, ARRAYS)
    found = read_torch_file(path)
    path.unlink()
    assert found["conv.weight"].shape == (2, 3, 2, 2)
    with pytest.raises(OSError, match="No such file"):
        found["conv.weight"].read()
