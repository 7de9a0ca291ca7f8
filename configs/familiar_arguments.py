"""Translates arguments of Lightning's Trainer and of `Model.fit` to those of Keraunos."""

import re
from collections.abc import Mapping

_ARRAYS = "tf.data.Dataset.from_tensor_slices((x, y)).batch(32)"
_RESUME = "Write Trainer(run_dir=...) again: the run in that directory is resumed."
_ON_ITS_OWN = "Leave it out: tf.data reads in parallel on its own."
_OF_OPTIMIZER = "Write it into the optimizer of the compiled model: "

INSTEAD: Mapping[str, str] = {
    # Arguments of Model.fit, evaluate and predict
    "batch_size": "Write dataset.batch(...), over all replicas together.",
    "callbacks": "Write Trainer(callbacks=[...]).",
    "epochs": "Write Trainer(max_epochs=...).",
    "initial_epoch": "Write Trainer(run_dir=...): a run resumes where its newest "
    "checkpoint was taken.",
    "max_queue_size": "Write dataset.prefetch(...).",
    "return_dict": "Leave it out: values are returned by name.",
    "sample_weight": "Make the elements of the dataset (x, y, sample_weight).",
    "shuffle": "Write dataset.shuffle(...).",
    "steps": "Write Trainer(limit_val_batches=...), or dataset.take(...).",
    "steps_per_epoch": "Write Trainer(limit_train_batches=...), and dataset.repeat() for "
    "epochs that continue where the last one ended.",
    "use_multiprocessing": _ON_ITS_OWN,
    "validation_batch_size": "Write validation_data.batch(...).",
    "validation_freq": "Write Trainer(validate_every_n_epochs=...).",
    "validation_split": "Write validation_data=..., a dataset of its own.",
    "validation_steps": "Write Trainer(limit_val_batches=...).",
    "verbose": 'Write Trainer(callbacks={"progress_bar": None}) for none.',
    "workers": _ON_ITS_OWN,
    "x": f"Pass a dataset as a positional argument: {_ARRAYS}.",
    "y": f"Make the elements of the dataset pairs: {_ARRAYS}.",
    # Arguments of Lightning's Trainer
    "accumulate_grad_batches": _OF_OPTIMIZER + "gradient_accumulation_steps=....",
    "benchmark": "Leave it out: TensorFlow chooses cuDNN's algorithms on its own.",
    "check_val_every_n_epoch": "Write validate_every_n_epochs=....",
    "default_root_dir": "Write run_dir=..., the directory of this run.",
    "detect_anomaly": "Leave it out: a loss that is not finite ends a fit with an error.",
    "enable_checkpointing": "Leave run_dir out to write nothing, or write "
    'callbacks={"model_checkpoint": None}.',
    "enable_model_summary": "Call model.summary() where the model is built.",
    "enable_progress_bar": 'Write callbacks={"progress_bar": None} for none.',
    "gpus": 'Write accelerator="gpu" and devices=....',
    "gradient_clip_algorithm": _OF_OPTIMIZER + "global_clipnorm=..., or clipvalue=....",
    "gradient_clip_val": _OF_OPTIMIZER + "global_clipnorm=..., or clipvalue=....",
    "inference_mode": "Leave it out: no gradients are computed in validation.",
    "limit_predict_batches": "Write dataset.take(...).",
    "limit_test_batches": "Write dataset.take(...).",
    "log_every_n_steps": "Metrics are logged after every epoch; callbacks="
    "[kr.callbacks.Health(every_n_steps=...)] samples steps.",
    "logger": "Write run_dir=...: metrics.jsonl and TensorBoard are on by default. Loggers "
    "for Keras, such as WandbMetricsLogger, go into callbacks=[...].",
    "min_steps": "Write min_epochs=....",
    "num_nodes": "Start a process on each machine with `keraunos launch`, SLURM or "
    "Kubernetes; the Trainer finds the workers.",
    "num_sanity_val_steps": "Write sanity_validation_batches=....",
    "profiler": "Write callbacks=[kr.callbacks.TensorBoard(profile_steps=(10, 20))].",
    "reload_dataloaders_every_n_epochs": "Pass a function dataset(epoch, start_batch) to "
    "fit.",
    "resume_from_checkpoint": _RESUME,
    "sync_batchnorm": "Write sync_batch_norm=....",
    "use_distributed_sampler": "Leave it out: every batch is divided over the replicas.",
    "val_check_interval": "Write validate_every_n_steps=..., a number of steps.",
    # Arguments of its methods
    "ckpt_path": "Write Trainer(run_dir=...) to resume the run in that directory, or "
    "initial_weights=... to start a new run with the weights of another.",
    "dataloaders": f"Pass a dataset as a positional argument: {_ARRAYS}.",
    "datamodule": "Pass the data as a positional argument, such as kr.ImageData.",
    "train_dataloaders": f"Pass a dataset as a positional argument: {_ARRAYS}.",
    "val_dataloaders": "Write validation_data=..., a batched dataset.",
}

_VALUES: Mapping[str, Mapping[object, str]] = {
    "trainer.accelerator": {"cuda": "gpu"},
    "trainer.devices": {-1: "auto", "-1": "auto"},
    "trainer.precision": {
        **dict.fromkeys((32, "32", "32-true"), "float32"),
        **dict.fromkeys((16, "16", "16-mixed", "float16"), "mixed_float16"),
        **dict.fromkeys(("bf16", "bf16-mixed", "bfloat16"), "mixed_bfloat16"),
    },
    "trainer.strategy": {
        **dict.fromkeys(("ddp", "ddp_notebook", "ddp_spawn", "dp"), "mirrored"),
    },
}


def familiar_value(setting: str, value: object) -> str:
    """Returns a hint if a value is written as in Lightning; otherwise an empty string.

    Example:
        >>> familiar_value("trainer.precision", "16-mixed")
        'Write mixed_float16.'
        >>> familiar_value("trainer.devices", [1, 3])
        'Write 2, and set CUDA_VISIBLE_DEVICES=1,3.'
    """
    if setting == "trainer.devices" and (devices := _parse_devices(value)):
        return _suggest_device_count(devices)
    known = _VALUES.get(setting, {})
    is_known = isinstance(value, str | int) and value in known
    return f"Write {known[value]}." if is_known else ""


def _parse_devices(value: object) -> list[str]:
    """Returns the devices in a list or comma-separated text; empty for other values."""
    if isinstance(value, str) and "," in value:
        return [part.strip() for part in value.split(",") if part.strip()]
    return [str(each) for each in value] if isinstance(value, list | tuple) else []


def _suggest_device_count(devices: list[str]) -> str:
    """Returns how to train on exactly these devices: TensorFlow uses the first visible."""
    count, places = len(devices), [re.sub(r"\D*", "", each, count=1) for each in devices]
    if places == [str(place) for place in range(count)]:
        return f"Write {count}; the first ones are used."
    if not all(place.isdecimal() for place in places):
        return f"Write {count}."
    return f"Write {count}, and set CUDA_VISIBLE_DEVICES={','.join(places)}."
