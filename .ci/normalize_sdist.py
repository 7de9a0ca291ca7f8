"""Rewrites an sdist so that it depends on its content alone, not on the time of the build.

Usage: python .ci/normalize_sdist.py FILE.tar.gz SECONDS
SECONDS since 1970 become the time of every member.
"""

import gzip
import io
import sys
import tarfile
from pathlib import Path


def normalize(path: Path, seconds: int) -> None:
    """Sorts members, and gives all of them one time and no owner."""
    tar = io.BytesIO()
    with (
        tarfile.open(path) as before,
        tarfile.open(fileobj=tar, mode="w", format=tarfile.PAX_FORMAT) as after,
    ):
        for member in sorted(before.getmembers(), key=lambda each: each.name):
            content = before.extractfile(member)
            member.mtime, member.uid, member.gid = seconds, 0, 0
            member.uname = member.gname = ""
            member.pax_headers = {}
            member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            after.addfile(member, content)
    path.write_bytes(gzip.compress(tar.getvalue(), mtime=seconds))


if __name__ == "__main__":
    normalize(Path(sys.argv[1]), int(sys.argv[2]))
