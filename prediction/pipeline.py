"""Runs a model on images, batch by batch, and writes the predictions."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice

from ..data.files.parallel_reader import FILES_FOR_THREADS, ParallelReader
from ..data.streams.image_names import ImageName
from ..data.streams.read_stream import ReadImage, read_stream
from ..data.streams.watched_folder import WatchedFolder
from .output import Output, Progress
from .predictor import Predicted, Predictor
from .rows import Rows

_MOST_UNREADABLE = 4  # in batch sizes; then the images read so far are written
_LONGEST_SLEEP_SECONDS = 0.1  # before it checks whether to stop


@dataclass(frozen=True)
class Pipeline:
    """Predicts images and writes one row for each, in order.

    Memory holds only the current batch and the images decoded ahead of it. On a stop, the
    current batch is still written.

    Args:
        predictor: Predicts batches.
        rows: Format of the rows.
        output: Destination of the rows.
        batch_size: Number of images per call of the model.
        see: Called with each batch after it was written.
        is_stopped: Returns whether to stop.
    """

    predictor: Predictor
    rows: Rows
    output: Output
    batch_size: int = 32
    see: Callable[[Predicted], None] = lambda predicted: None
    is_stopped: Callable[[], bool] = lambda: False

    def send(self, read: Iterable[ReadImage]) -> None:
        """Predicts images that were already read."""
        for batch in _batches(read, self.batch_size):
            predicted = self.predictor.predict(batch)
            before = self.output.progress
            problems = sum(bool(each.problem) for each in predicted.images)
            progress = Progress(
                batch[-1].image, before.rows + len(batch), before.unreadable + problems
            )
            self.output.append(self.rows.of(predicted), progress)
            self.see(predicted)
            if self.is_stopped():
                return

    def stream(self, images: Iterable[ImageName], is_long: bool = False) -> None:
        """Reads and predicts images.

        Args:
            images: Any number of images, listed lazily.
            is_long: Whether there are many; otherwise, the first are listed to find out.
        """
        remaining = iter(images)
        first = [] if is_long else list(islice(remaining, FILES_FOR_THREADS))
        with ParallelReader(FILES_FOR_THREADS if is_long else len(first)) as reader:
            self.send(self._read(chain(first, remaining), reader))

    def watch(self, folder: WatchedFolder, poll_seconds: float) -> None:
        """Predicts new images in a folder until `is_stopped`.

        Args:
            folder: The folder and its known images.
            poll_seconds: How long to wait before looking again.
        """
        with ParallelReader(1) as reader:
            while not self.is_stopped():
                read = self._read(folder.look(), reader)
                self.send(each for each in read if folder.accept(each))
                self._sleep(poll_seconds)

    def _read(
        self, images: Iterable[ImageName], reader: ParallelReader
    ) -> Iterator[ReadImage]:
        ahead = 2 * self.batch_size  # decoded while a batch is in the model
        return read_stream(images, self.predictor.decodings, reader, ahead)

    def _sleep(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self.is_stopped() and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, _LONGEST_SLEEP_SECONDS))


def _batches(read: Iterable[ReadImage], size: int) -> Iterator[list[ReadImage]]:
    """Yields batches with `size` readable images each, and the unreadable among them."""
    batch: list[ReadImage] = []
    readable = 0
    for each in read:
        batch.append(each)
        readable += not each.problem
        if readable == size or len(batch) == _MOST_UNREADABLE * size:
            yield batch
            batch, readable = [], 0
    if batch:
        yield batch
