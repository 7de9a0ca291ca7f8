"""Measures how the duration of `keraunos fit` is divided among its parts.

The parts are start (imports); data; building of the model; passes of images through the
backbone; training including validation; callbacks and checkpoints, as far as training waits
for them; export (writing the whole model); end (everything else after the last epoch:
figures that are still being drawn, the check of the whole model, and the test); other.
"""

from typing import Any

from search_stopwatch import Stopwatch


class FitStopwatch(Stopwatch):
    """Runs `keraunos fit` in this process, and attributes time to the innermost part."""

    def _watch(self) -> None:
        from keraunos.cli.commands import fit as command

        load: Any = command.load_tensorflow

        def load_and_watch(*arguments: Any, **named: Any) -> None:
            load(*arguments, **named)
            self._watch_fit()

        command.load_tensorflow = load_and_watch

    def _watch_fit(self) -> None:
        from keraunos.callbacks import Background, CallbackList
        from keraunos.cli import build
        from keraunos.cli.commands import fit as command
        from keraunos.features import FeatureCache
        from keraunos.features.trainee import Head
        from keraunos.trainer import fit
        from keraunos.trainer.checkpoint import saver
        from keraunos.trainer.loop import loop
        from keraunos.trainer.preparation import Preparation

        self._wrap(command, "train", "other")
        self._wrap(build, "build_data", "data")
        self._wrap(Preparation, "start", "building")
        self._wrap(FeatureCache, "features", "passes")
        self._wrap(loop.Loop, "run", "training")
        self._wrap(CallbackList, "notify", "callbacks")
        for name in ("save", "finish"):
            self._wrap(saver.Saver, name, "checkpoints")
        self._wrap(Background, "__exit__", "end")
        self._wrap(Head, "check", "end")
        self._wrap(fit, "export_run", "export")
        self._wrap(command, "test", "end")
