"""The result of a search."""

from dataclasses import dataclass
from pathlib import Path

import keras

from ..core.errors import SearchError, message
from ..core.run_layout import MODEL_FILE
from ..models.ensemble import ensemble_model
from .runs import runs_of
from .study import Trial
from .winner import Winner


@dataclass(frozen=True)
class SearchResult:
    """The result of a search.

    Attributes:
        trials: All trials, in the order in which they started.
        best: The completed trials, best first.
        winner: The chosen trial, with its corrected score; None if no trial completed.
        run_dir: The directory of the search; each trial is in `run_dir / trial.name`.
        signal: Number of the signal that stopped the search, or None.
        stop_reason: Why no further trial was started.
    """

    trials: list[Trial]
    best: list[Trial]
    run_dir: Path
    signal: int | None = None
    winner: Winner | None = None
    stop_reason: str = ""

    @property
    def chosen(self) -> Trial | None:
        """The winning trial: by default the first in `best`; None if none completed."""
        return None if self.winner is None else self.winner.trial

    @property
    def corrected_score(self) -> float | None:
        """The winner's score, corrected for being the best of many; None without folds."""
        return None if self.winner is None else self.winner.corrected

    def load_model(self) -> keras.Model:
        """Loads the model of the winner, not compiled; with folds, the mean of its models.

        Raises:
            SearchError: No trial completed, or the winner's models were not kept.
            ConfigError: The models of the folds can't be combined.
        """
        run = self.run_dir / (self.chosen.name if self.chosen else "")
        files = [each / MODEL_FILE for each in runs_of(run)] if self.chosen else []
        if not files or not all(file.is_file() for file in files):
            raise SearchError(
                message(
                    "The winner of a search must have its models, which a search exports "
                    "when it ends.",
                    "Run the search to its end, with the same search.choose and keep.",
                    run=str(run),
                )
            )
        models = [
            keras.models.load_model(file, compile=False, safe_mode=True) for file in files
        ]
        return models[0] if len(models) == 1 else ensemble_model(models)

    @property
    def is_finished(self) -> bool:
        """Whether the search ended by itself, without a signal."""
        return self.signal is None
