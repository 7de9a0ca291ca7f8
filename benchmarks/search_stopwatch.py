"""Measures how the duration of `keraunos search` is divided among its parts.

The parts are start; building of models; passes of images through the backbone, including
drawing and decoding; heads (their training and validation); checkpoints, as far as training
waits for them; putting_back (checking and saving the whole model); oracle; notes of the
search; other.
"""

import contextlib
import functools
import sys
import threading
import time
from typing import Any


class Stopwatch:
    """Runs the command line in this process, and attributes time to the innermost part.

    Args:
        started: When this process started, by `time.perf_counter`.
    """

    def __init__(self, started: float) -> None:
        self.parts = {"start": time.perf_counter() - started}
        self._names = ["start"]
        self._since = time.perf_counter()

    def run(self, arguments: list[str]) -> dict[str, float]:
        """Runs `keraunos ARGUMENTS`; returns the seconds of each part."""
        self._watch()
        from keraunos.cli import main

        with (
            contextlib.redirect_stdout(sys.stderr),
            contextlib.suppress(SystemExit),
        ):
            main.main(arguments)
        self._change()
        return self.parts

    def _watch(self) -> None:
        from keraunos.features import FeatureCache
        from keraunos.search import search, session, study
        from keraunos.trainer.checkpoint import saver
        from keraunos.trainer.fit import Fit
        from keraunos.trainer.loop import loop
        from keraunos.trainer.preparation import Preparation

        self._wrap(session, "run_search", "other")
        self._wrap(FeatureCache, "features", "passes")
        self._wrap(loop.Loop, "run", "heads")
        self._wrap(Preparation, "start", "building")
        for name in ("save", "finish"):
            self._wrap(saver.Saver, name, "checkpoints")
        for name in ("ask", "tell"):
            self._wrap(study.Study, name, "oracle")
        self._wrap(Fit, "export_best", "putting_back")
        self._wrap(search, "draw_results", "notes")

    def _wrap(self, owner: Any, name: str, part: str) -> None:
        original = getattr(owner, name)

        @functools.wraps(original)
        def timed(*args: Any, **kwargs: Any) -> Any:
            if threading.current_thread() is not threading.main_thread():
                return original(*args, **kwargs)
            self._change()
            self._names.append(part)
            try:
                return original(*args, **kwargs)
            finally:
                self._change()
                self._names.pop()

        setattr(owner, name, timed)

    def _change(self) -> None:
        now = time.perf_counter()
        name = self._names[-1]
        self.parts[name] = self.parts.get(name, 0.0) + now - self._since
        self._since = now
