"""Event files of TensorBoard, rewritten so that a resumed run shows nothing twice."""

from collections.abc import Callable, Iterator
from pathlib import Path

import tensorflow as tf
from tensorboard.compat.proto.event_pb2 import Event


def keep_events(folder: Path, is_kept: Callable[[int], bool]) -> None:
    """Removes the events of some steps from all event files below a folder.

    A record at the end of a file that a dying process left torn goes as well.

    Args:
        folder: Is searched at any depth.
        is_kept: Whether events of a step stay.
    """
    for path in sorted(folder.rglob("*tfevents*")):
        records = list(_records(path))
        kept = [each for each in records if is_kept(Event.FromString(each).step)]
        _rewrite(path, kept)


def _records(path: Path) -> Iterator[bytes]:
    records = iter(tf.data.TFRecordDataset(str(path)).as_numpy_iterator())
    while True:
        try:
            yield next(records)
        except (StopIteration, tf.errors.DataLossError):
            return


def _rewrite(path: Path, records: list[bytes]) -> None:
    temporary = path.with_name(f".{path.name}.part")
    with tf.io.TFRecordWriter(str(temporary)) as writer:
        for record in records:
            writer.write(record)
    temporary.replace(path)
