"""Which settings may differ when a run or a search is resumed."""

# Where something is kept and computed, how fast, and what is checked on the way.
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

# The section that decides nothing before a model is trained.
AFTER_TRAINING = "evaluation"

# A run may also be trained for longer, and validated at other times.
CHANGEABLE_IN_RUN = _EXECUTION | {
    "trainer.fast_dev_run",
    "trainer.jit_compile",  # what it came to is compared
    "trainer.limit_val_batches",
    "trainer.max_epochs",
    "trainer.max_steps",
    "trainer.max_time",
    "trainer.min_epochs",
    "trainer.sanity_validation_batches",
    "trainer.validate_every_n_epochs",
    "trainer.validate_every_n_steps",
}

# A search may have more trials; all of them are trained for as long.
CHANGEABLE_IN_SEARCH = _EXECUTION | {
    "search.choose",
    "search.finish",
    "search.keep",
    "search.max_time",
    "search.max_trials",
    "search.outer_folds",  # searches of their own
    "search.patience",
    "search.space",  # what it stands for is compared
}
