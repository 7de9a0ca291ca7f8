"""Files as `torch.save` writes them, and malicious ones, made without PyTorch."""

import io
import struct
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

NO_HOOKS = b"ccollections\nOrderedDict\n)R"
_STORAGES = {"float32": "FloatStorage", "int64": "LongStorage", "float16": "HalfStorage"}


def text(value: str) -> bytes:
    encoded = value.encode()
    return b"X" + struct.pack("<I", len(encoded)) + encoded


def number(value: int) -> bytes:
    encoded = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(encoded)]) + encoded


def name(module: str, what: str) -> bytes:
    return f"c{module}\n{what}\n".encode()


def group(*values: bytes) -> bytes:
    return b"(" + b"".join(values) + b"t"


def numbers(*values: int) -> bytes:
    return group(*map(number, values))


def storage(key: str, size: int, kind: str = "FloatStorage") -> bytes:
    return (
        group(text("storage"), name("torch", kind), text(key), text("cpu"), number(size))
        + b"Q"
    )


def tensor(
    stored: bytes, shape: Sequence[int], strides: Sequence[int], offset: int = 0
) -> bytes:
    view = number(offset), numbers(*shape), numbers(*strides)
    arguments = group(stored, *view, b"\x89", NO_HOOKS)
    return name("torch._utils", "_rebuild_tensor_v2") + arguments + b"R"


def state_dict(items: Sequence[tuple[str, bytes]]) -> bytes:
    pairs = b"".join(text(key) + value for key, value in items)
    return b"\x80\x02}(" + pairs + b"u."


def of_arrays(arrays: Mapping[str, np.ndarray]) -> tuple[bytes, dict[str, bytes]]:
    """The pickle of a state dict, and its storages by key."""
    items, storages = [], {}
    for place, (key, array) in enumerate(arrays.items()):
        stored = storage(str(place), array.size, _STORAGES[str(array.dtype)])
        strides = [step // array.itemsize for step in array.strides]
        items.append((key, tensor(stored, array.shape, strides)))
        storages[str(place)] = array.tobytes()
    return state_dict(items), storages


def zip_bytes(
    pickle: bytes,
    storages: Mapping[str, bytes],
    *,
    byteorder: bytes = b"little",
    compression: int = zipfile.ZIP_STORED,
) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as archive:
        archive.writestr("archive/data.pkl", pickle)
        archive.writestr("archive/byteorder", byteorder)
        for key, data in storages.items():
            archive.writestr(f"archive/data/{key}", data)
        archive.writestr("archive/version", b"3\n")
    return content.getvalue()


def legacy_bytes(pickle: bytes, storages: Mapping[str, bytes], itemsize: int = 4) -> bytes:
    magic = b"\x80\x02" + number(0x1950A86A20F9469CFC6C) + b"."
    system = b"\x80\x02}" + text("little_endian") + b"\x88s."
    keys = b"\x80\x02](" + b"".join(map(text, storages)) + b"e."
    data = [struct.pack("<q", len(each) // itemsize) + each for each in storages.values()]
    version = b"\x80\x02" + number(1001) + b"."
    return magic + version + system + pickle + keys + b"".join(data)


def write_torch_file(path: Path, arrays: Mapping[str, np.ndarray]) -> Path:
    """Writes a state dict in the format of today."""
    path.write_bytes(zip_bytes(*of_arrays(arrays)))
    return path
