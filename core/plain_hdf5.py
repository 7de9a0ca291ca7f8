"""Inspects HDF5 files for links and compression, which can be abused."""

from collections.abc import Iterator
from typing import Any


def find_nonplain_members(file: Any) -> Iterator[str]:
    """Yields the members of an HDF5 file that are not stored plainly in the file itself.

    Args:
        file: The path, or an open binary file.

    Yields:
        Paths in the file: of links, of members that are reached twice, and of datasets
        that are external, virtual or compressed.

    Raises:
        OSError: The file is not an HDF5 file, or is damaged.
    """
    import h5py  # imported late, because it takes a while

    with h5py.File(file, "r") as opened:
        seen = {_address(opened)}
        pending: list[Any] = [opened]
        while pending:
            group = pending.pop()
            for name in group:
                path = f"{group.name.rstrip('/')}/{name}"
                if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                    yield path
                    continue
                member = group[name]
                if _address(member) in seen:
                    yield path
                elif isinstance(member, h5py.Group):
                    pending.append(member)
                elif not _is_plain(member):
                    yield path
                seen.add(_address(member))


def _address(member: Any) -> int:
    """Returns the address of an object in its file."""
    import h5py

    return int(h5py.h5o.get_info(member.id).addr)


def _is_plain(dataset: Any) -> bool:
    is_here = not dataset.external and not dataset.is_virtual
    filters = dataset.id.get_create_plist().get_nfilters()
    return is_here and not filters and dataset.id.get_storage_size() == dataset.nbytes
