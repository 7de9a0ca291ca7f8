"""The settings that may change when a run or a search is resumed."""

# Locations, devices, speed, and additional checks.
_EXECUTION = frozenset(
    {
        "cache_dir",
        "run_dir",
        "trainer.accelerator",
        "trainer.check_replicas",
        "trainer.cpu_devices",
        "trainer.deterministic",
        "trainer.devices",
        "trainer.gpu_memory_limit_gib",
        "trainer.steps_per_execution",
        "trainer.strategy",
    }
)

# The section that takes effect only after training.
AFTER_TRAINING = "evaluation"

# A run may also be trained for longer or shorter, and validated at other times.
CHANGEABLE_IN_RUN = _EXECUTION | {
    "trainer.fast_dev_run",
    "trainer.jit_compile",  # its resolved value is compared
    "trainer.limit_val_batches",
    "trainer.max_epochs",
    "trainer.max_steps",
    "trainer.max_time",
    "trainer.min_epochs",
    "trainer.sanity_validation_batches",
    "trainer.validate_every_n_epochs",
    "trainer.validate_every_n_steps",
}

# A search may get more trials, but all trials are trained equally long.
CHANGEABLE_IN_SEARCH = _EXECUTION | {
    "search.choose",
    "search.finish",
    "search.keep",
    "search.max_time",
    "search.max_trials",
    "search.outer_folds",  # separate searches
    "search.patience",
    "search.space",  # the resulting hyperparameters are compared
}
