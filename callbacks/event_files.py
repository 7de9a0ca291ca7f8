"""Reads and rewrites TensorBoard event files, so that a resumed run shows nothing twice.

Only touches files in the folders that Keraunos writes.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import tensorflow as tf
from tensorboard.compat.proto.event_pb2 import Event

from ..core.console import notify
from ..core.files import replacing
from ..core.removal import remove_file

# Without EVENTS_PART: a resumed run keeps its events.
PARTS = ("", "train", "validation", "evaluation")
EVENTS = re.compile(r"events\.out\.tfevents\.[^/]+")


def keep_events(folder: Path, is_kept: Callable[[Event], bool]) -> None:
    """Removes some events from all event files below a folder.

    Also removes an incomplete record at the end of a file, left by a process that died.

    Args:
        folder: The folder `tensorboard` of a run.
        is_kept: Returns whether to keep an event.
    """
    for path in event_files(folder):
        if not path.is_file():
            notify(f"{path} is no longer a file: TensorBoard will not show its contents")
            continue
        records = list(records_of(path))
        kept = [each for each in records if is_kept(Event.FromString(each))]
        _rewrite(path, kept)


def event_files(folder: Path) -> list[Path]:
    """Returns the files that a run has written below its folder `tensorboard`."""
    found = [path for part in PARTS for path in (folder / part).glob("events.out.*")]
    return sorted(path for path in found if EVENTS.fullmatch(path.name))


def remove_events(folder: Path) -> None:
    """Removes the event files in a folder, but not those below it."""
    for path in folder.glob("events.out.*"):
        if EVENTS.fullmatch(path.name):
            remove_file(folder, path.name, EVENTS)


def records_of(path: Path) -> Iterator[bytes]:
    """Yields the serialized events of a file, up to the first damaged record."""
    records = iter(tf.data.TFRecordDataset(str(path)).as_numpy_iterator())
    while True:
        try:
            yield next(records)
        except StopIteration:
            return
        except tf.errors.DataLossError:
            notify(
                f"{path} is damaged or truncated: everything after the damage is left out"
            )
            return


def _rewrite(path: Path, records: list[bytes]) -> None:
    with replacing(path) as temporary, tf.io.TFRecordWriter(str(temporary)) as writer:
        for record in records:
            writer.write(record)
