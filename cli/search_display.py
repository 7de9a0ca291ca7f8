"""Shows the progress of a search: a live table on a terminal, otherwise log lines."""

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import IO, TYPE_CHECKING, Any, Self

from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ..core.console import PlainConsole, can_redraw, notify, uses_json

if TYPE_CHECKING:
    from ..search.progress import WorkerStatus
    from ..search.session import Session
    from ..search.study import Trial

SECONDS_BETWEEN_DRAWINGS = 0.5
MOST_TRIALS = 10
LINES_OF_FRAME = 8  # lines for anything but trials and workers
WIDE = 100  # columns; from this width on, hyperparameters are shown
NARROW = 60  # columns; below this width, only essentials are shown
SECONDS_OF_SILENCE = 15.0  # after which a silent worker on another machine is marked

Notify = Callable[[str], None]


def shows_table() -> bool:
    """Returns whether standard error is a terminal that can show a live table."""
    return can_redraw(PlainConsole(file=sys.stderr)) and not uses_json()


@contextlib.contextmanager
def search_display(session: "Session") -> Iterator[Notify]:
    """Shows the progress of a search below the lines that are written meanwhile.

    Yields:
        A function that writes a line.
    """
    if not shows_table():
        yield notify
        return
    console = _SharedConsole(file=sys.stderr)
    board = Board(session)
    live = Live(
        console=console,
        get_renderable=lambda: board.render(console.width, console.height),
        auto_refresh=False,
        transient=True,
    )
    with _live_display(live, console), _refreshing(live, console):
        yield lambda line: console.print(line, overflow="fold")


class _SharedConsole(PlainConsole):
    """A console on which threads write one after another.

    Otherwise, two threads could each move the cursor by the height that the table had
    before the other redrew it. A trial writes to standard error, which is redirected here.
    """

    def __init__(self, file: IO[str]) -> None:
        self._turn = threading.RLock()
        super().__init__(file)

    def __enter__(self) -> Self:
        """Waits for its turn; all output, of `print` too, is written within."""
        self._turn.acquire()
        super().__enter__()
        return self

    def __exit__(self, *exception: Any) -> None:
        """Writes what was printed."""
        try:
            super().__exit__(*exception)
        finally:
            self._turn.release()


@contextlib.contextmanager
def _live_display(live: Live, console: _SharedConsole) -> Iterator[None]:
    """Starts and stops a live display, taking the console before the lock of Rich."""
    with console:
        live.start()
    try:
        yield
    finally:
        with console:
            live.stop()


@contextlib.contextmanager
def _refreshing(live: Live, console: _SharedConsole) -> Iterator[None]:
    """Redraws the table twice per second in a background thread."""
    is_over = threading.Event()

    def refresh() -> None:
        while not is_over.wait(SECONDS_BETWEEN_DRAWINGS):
            with contextlib.suppress(Exception), console:  # the search changes concurrently
                live.refresh()

    thread = threading.Thread(target=refresh, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


class Board:
    """The live table of a search: the best trials, and the activity of each worker.

    Args:
        session: A running search, possibly in another thread.
        clock: Returns the time in seconds, like `time.monotonic`.
    """

    def __init__(
        self, session: "Session", clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._session = session
        self._clock = clock
        self._began_at = clock()

    def render(self, width: int, height: int) -> RenderableType:
        """Returns the table for a terminal of the given columns and lines."""
        workers = list(self._session.executor.workers)
        room = height - LINES_OF_FRAME - len(workers)
        parts: list[RenderableType] = [self._summary()]
        ranking = self._session.study.ranking()[: max(min(room, MOST_TRIALS), 1)]
        if ranking:
            parts.append(self._trials(ranking, width))
        most = max(height - LINES_OF_FRAME - len(ranking), 1)
        parts.append(self._workers(workers[:most], width))
        if len(workers) > most:
            parts.append(Text(f"and {len(workers) - most} workers more"))
        return Group(*parts)

    def _summary(self) -> Text:
        from ..search.pace import describe_seconds, num_left

        session = self._session
        trials = list(session.study.trials.values())
        counts = [f"{session.num_ended} of at most {session.max_trials} trials finished"]
        failed = sum(trial.status == "failed" for trial in trials)
        counts += [f"{failed} failed"] if failed else []
        counts.append(f"{describe_seconds(self._clock() - self._began_at)} elapsed")
        budget = session.budget
        left = num_left(session.study)
        seconds = budget.pace.seconds_to_go(left, budget.seconds_left)
        if budget.reason:
            counts.append(f"running the last ones: {budget.reason}")
        elif seconds is not None and left:
            counts.append(f"about {describe_seconds(seconds)} to go")
        return Text(", ".join(counts), overflow="fold")

    def _trials(self, ranking: Sequence["Trial"], width: int) -> Table:
        from ..search.report import short

        names = list(ranking[0].values) if width >= WIDE else []
        if width >= NARROW:
            table = _table("best so far", self._session.study.objective.name)
            _add_numbers(table, "epoch", "seconds")
        else:
            table = _table("best", "score")
        for name in names:
            table.add_column(name.rpartition(".")[2], no_wrap=True, overflow="ellipsis")
        for place, trial in enumerate(ranking):
            cells = [trial.name, _score(trial)]
            if width >= NARROW:
                cells += [str(trial.best_epoch), f"{trial.seconds:.1f}"]
            cells += [short(trial.values.get(name)) for name in names]
            table.add_row(*cells, style="bold" if place == 0 else "")
        return table

    def _workers(self, workers: Sequence["WorkerStatus"], width: int) -> Table:
        table = _table("worker" if width >= NARROW else "#", "at")
        if width >= NARROW:
            _add_numbers(table, "fold", "epoch", "so far", "for")
            table.add_column("", no_wrap=True, overflow="ellipsis")
        else:
            _add_numbers(table, "epoch")
        for worker in workers:
            table.add_row(*self._cells(worker, width))
        return table

    def _cells(self, worker: "WorkerStatus", width: int) -> list[str]:
        from ..search.pace import describe_seconds

        plan, progress = worker.plan, worker.progress
        doing = "waiting" if plan is None else plan.directory.name
        if plan is not None and plan.export:
            doing = f"writing {doing}"
        epoch = f"{progress.epoch}/{progress.max_epochs}" if progress else ""
        if width < NARROW:
            return [worker.name, doing, epoch]
        fold = str(progress.fold) if progress and progress.fold else ""
        has_score = progress is not None and progress.score is not None
        score = f"{progress.score:.4f}" if progress and has_score else ""
        seconds = "" if plan is None else describe_seconds(self._clock() - worker.since)
        return [worker.name, doing, fold, epoch, score, seconds, self._remark(worker)]

    def _remark(self, worker: "WorkerStatus") -> str:
        remarks = []
        if worker.restarts:
            times = "once" if worker.restarts == 1 else f"{worker.restarts} times"
            remarks.append(f"died, restarted {times}")
        silence = 0.0 if worker.heard_at is None else self._clock() - worker.heard_at
        if worker.plan is not None and silence > SECONDS_OF_SILENCE:
            remarks.append(f"silent for {silence:.0f} s")
        return ", ".join(remarks)


def _table(*names: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in names:
        table.add_column(name, no_wrap=True, overflow="ellipsis")
    return table


def _add_numbers(table: Table, *names: str) -> None:
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)


def _score(trial: "Trial") -> str:
    error = trial.standard_error
    spread = "" if error is None else f" ± {error:.4f}"
    return f"{trial.score:.4f}{spread}"
