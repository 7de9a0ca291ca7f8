"""Keeps a run's configuration with the run."""

from ..callbacks import Callback, RunState
from ..configs import RunConfig, to_yaml
from ..core.files import write_text_atomic
from .run_directories import CONFIG_FILE


class ConfigFile(Callback):
    """Writes config.yaml into the run directory, ready to be run again.

    Args:
        config: The complete configuration.

    Example:
        >>> callback = ConfigFile(RunConfig(seed=1))
    """

    def __init__(self, config: RunConfig) -> None:
        self.config = config.model_copy(update={"run_dir": None})

    def on_fit_begin(self, run: RunState) -> None:
        """Writes the file."""
        if run.run_dir is not None:
            write_text_atomic(run.run_dir / CONFIG_FILE, to_yaml(self.config))
