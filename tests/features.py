"""What Keraunos can do, and the tests that verify it: the source of docs/features.md.

A test marks what it verifies with `@pytest.mark.feature("NAME")`. Run this file to generate
the document: `python tests/features.py`.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "features.md"

GROUPS: dict[str, dict[str, str]] = {
    "The loop": {
        "fit": "`Trainer.fit`, `keraunos fit`; validation after each epoch",
        "separate stages": "`Trainer.validate`, `test`, `predict`; the commands",
        "own step": "`Module.training_step`",
        "stop by steps, epochs or time": "`trainer.max_steps`, `max_epochs`, `max_time`",
        "minimum epochs": "`trainer.min_epochs`",
        "limited batches": "`trainer.limit_train_batches`, `limit_val_batches`, "
        "`fast_dev_run`",
        "overfit batches": "`trainer.overfit_batches`",
        "sanity validation": "`trainer.sanity_validation_batches`",
        "validation frequency": "`trainer.validate_every_n_epochs`, "
        "`validate_every_n_steps`",
        "gradient accumulation": "`optimizer.gradient_accumulation_steps`",
        "gradient clipping": "`optimizer.clipnorm`, `global_clipnorm`, `clipvalue`",
        "several steps per call": "`trainer.steps_per_execution`",
        "signals": "SIGTERM, SIGINT, SIGUSR1, SIGUSR2: saved, exit code 128 + signal",
        "exception hook": "`Callback.on_exception`",
        "XLA": "`trainer.jit_compile`; `auto` on GPUs, if a first batch shows that it can",
        "out of memory": "exit code 7, with what to make smaller",
    },
    "Checkpoints and resuming": {
        "whole state": "weights, optimizer, position and history in one directory",
        "callback state": "`Callback.state_dict`, `load_state_dict`",
        "atomic write": "a directory appears once it is whole, with sizes and SHA-256",
        "fallback": "the newest checkpoint that is whole; damaged ones are named",
        "best and last": "`callbacks.model_checkpoint`: `save_top_k`, `save_last`, "
        "`every_n_minutes`",
        "data position": "resumed within an epoch at the next batch",
        "random state": "random generators are set from seed and step",
        "automatic resuming": "the same command again, or `keraunos fit --resume RUN`",
        "save on exception": "`callbacks.model_checkpoint`: `save_on_exception`",
        "weights only": "`callbacks.model_checkpoint`: `save_weights_only`",
        "other number of devices": "a run of two replicas resumes with one, and vice versa",
    },
    "Precision and determinism": {
        "mixed precision": "`trainer.precision=mixed_float16`, `mixed_bfloat16`",
        "seeds and determinism": "`seed`, `trainer.deterministic`",
    },
    "Callbacks": {
        "hooks": "of fit, epoch, step, validation, phase, checkpoint and exception",
        "early stopping": "`callbacks.early_stopping`: `patience`, `min_delta`, `mode`",
        "early stopping thresholds": "`stopping_threshold`, `divergence_threshold`, "
        "`check_finite`; the reason is kept, and a missing metric is an error",
        "best weights restored": "`restore_best_weights`, or `restore_best` of checkpoints",
        "reduce on plateau": "`callbacks.ReduceLROnPlateau`, that of Keras",
        "schedules": "`optimizer.schedule`: cosine, linear, step, exponential; warm-up",
        "learning rate finder": "`callbacks.learning_rate_finder`",
        "averaged weights": "`trainer.use_ema_weights`; `optimizer.use_ema` and "
        "`callbacks.SwapEMAWeights` of Keras",
        "soup of checkpoints": "`callbacks.model_checkpoint`: `soup`, greedy or uniform, "
        "scored on validation",
        "divergence": "exit code 5, and the images of the batch in `diverged.json`",
        "callbacks of Keras": "any `keras.callbacks.Callback`, in lists and in YAML",
    },
    "Monitoring": {
        "scalars": "`tensorboard/`, training and validation in one chart",
        "steps continue": "a resumed run shows each step once",
        "health": "`callbacks.health`: gradient norm and update/weight ratio of each "
        "block, input wait, device time and sums of single steps, with findings in words",
        "first screen": "TensorBoard's page Custom Scalars shows what is healthy, at once",
        "gradient norm": "in every log: mean over the updates of an epoch, before clipping",
        "hparams": "TensorBoard's HParams page, for single runs and for searches",
        "images": "data, confusion matrix and the most confident mistakes in TensorBoard",
        "events": "`events.jsonl`, TensorBoard's page Text and the terminal: resumed, "
        "checkpoint written, diverged, ended and more, each with a text",
        "running scores": "each trial's score as it ends and the best so far, of a search",
        "continues without": "where TensorBoard can not write, that is named, and "
        "training continues",
        "stalls": "`callbacks.stall_watch`: no step for n times the median, with where the "
        "run hangs",
        "workers watched": "`callbacks.worker_watch`: which worker is silent, since when",
        "heartbeat": "`callbacks.heartbeat`: a file with the last step and time",
        "prometheus": "`callbacks.prometheus`: an endpoint, or a file of the node exporter",
        "alerts": "`callbacks.alerts`: a command or a post on end, failure or stall",
        "metrics file": "`metrics.jsonl`, a line an epoch",
        "memory": "of the process, and of GPUs, in TensorBoard",
        "profiler": "`callbacks.tensorboard.profile_steps: [10, 15]`",
        "W&B and MLflow": "their callbacks for Keras, unchanged",
        "speed": "learning rate, images per second, time spent waiting for data",
        "progress": "a panel on terminals, lines in logs, one output in notebooks",
    },
    "Transfer learning and evaluation": {
        "fine-tuning": "`callbacks.backbone_finetuning`, the recipe `skin_lesion_finetune`",
        "gradual unfreezing": "`callbacks.backbone_finetuning.stages`",
        "layer-wise learning rates": "`optimizer.layer_decay`",
        "selective weight decay": "`optimizer.exclude_from_weight_decay`",
        "backbones": "`model.backbone`: all of keras.applications, KerasHub, functions; "
        "`keraunos backbones`",
        "effort": "`effort: quick`, `good` or `best`, whose settings each recipe has",
        "heads": "`model.head`: linear, cosine, ridge in closed form, nearest neighbors",
        "probe": "`keraunos probe`: backbones compared by simple heads on their features",
        "classification scores": "`model.metrics`; in `test.json` also those of each class",
        "confidence intervals": "95% bootstrap intervals in `test.json`",
        "predictions to a file": "`keraunos predict`, `predictions.csv`",
        "report": "`keraunos report`, `result.report`: one page that needs nothing but "
        "itself, a model card, and `evaluation.json`",
        "calibration": "`evaluation.calibration`: calibration errors, reliability diagram, "
        "temperature and vector scaling",
        "abstention": "`evaluation.abstention`: prediction sets with a stated coverage, "
        "risk-coverage curve",
        "operating points": "`evaluation.operating_points`, `groups`: thresholds chosen on "
        "validation and scored on test",
        "costs of decisions": "`evaluation.costs`: decisions of the lowest expected cost",
        "paired comparison": "`keraunos compare RUN RUN --paired`: the difference with its "
        "interval, and McNemar's test",
        "groups in intervals": "with a group column, intervals draw whole groups",
        "Grad-CAM": "`evaluation.grad_cam`: maps for any functional model, nested at any "
        "depth, checked against random heads",
        "every missed image": "`evaluation.must_not_miss`: classes of which the report "
        "shows all that was missed",
        "robustness": "`evaluation.robustness`: scores under blur, noise, JPEG, darkness "
        "and rotation",
        "test-time augmentation": "`keraunos test RUN --tta 8`, `Trainer.test(tta=...)`, "
        "next to the single model",
        "ensembles": "folds or several runs as one model: `test`, `predict`, `export`",
        "export": "`keraunos export`, `Trainer.export`: five formats, compared with the "
        "model on images of the run; `--calibrated` with corrected probabilities",
        "int8 export": "`keraunos export RUN --int8`, refused above `--max-loss`",
        "signature from bytes": "an exported SavedModel takes the bytes of JPEG and PNG "
        "files, and decodes them as training did",
        "serving": "`keraunos serve`: TensorFlow Serving's REST form, the Open Inference "
        "Protocol, and a page",
        "benchmark": "`keraunos benchmark`: latency and throughput, side by side",
        "augmentation policies": "`augmentation.random_resized_crop`, `rand_augment`, "
        "`color_jitter`, `random_erasing`, by themselves or with `strength`",
        "columns besides the image": "`data.features`: numbers and words of the table, "
        "encoded within the saved model",
        "mixing": "`augmentation.mixup`, `augmentation.cutmix`, with partners from the "
        "training split",
        "focal loss": "`model.loss=focal`, or any loss of Keras",
        "losses for long tails": "`model.loss=class_balanced`, `logit_adjusted`, from the "
        "counts of the training split",
    },
}

# Features of comparable frameworks that this one leaves out, with the reason.
LEFT_OUT = {
    "Finding the batch size": "It is part of what is computed, and a run is to repeat. "
    "Running out of memory ends with advice in place of another batch size.",
    "Paths such as gs:// and s3://": "A checkpoint appears by an atomic rename, which "
    "these have not.",
    "Sharded models": "TensorFlow has none for Keras 3.",
    "TPUs": "There was none to try.",
}


def marked_tests() -> Iterator[tuple[str, str]]:
    """The feature and the address of each test that has a mark."""
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                for name in _features_of(node):
                    yield name, f"{path.relative_to(ROOT).as_posix()}::{node.name}"


def _features_of(test: ast.FunctionDef) -> Iterator[str]:
    for mark in test.decorator_list:
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.feature":
            yield from (argument.value for argument in mark.args)  # type: ignore[attr-defined]


def known_features() -> set[str]:
    """The names that marks may use."""
    return {name for group in GROUPS.values() for name in group}


def document() -> str:
    """The text of docs/features.md."""
    shown: dict[str, list[str]] = {}
    for name, test in marked_tests():
        shown.setdefault(name, []).append(test)
    lines = [
        "# Features and their tests",
        "",
        "Every feature of Keraunos, with the tests that verify it.",
        "[tests/features.py](../tests/features.py) generates this page from marks on",
        "tests.",
    ]
    for group, features in GROUPS.items():
        lines += ["", f"## {group}", "", "| | How | Test |", "| --- | --- | --- |"]
        for name, how in features.items():
            tests = ", ".join(f"`{test}`" for test in shown.get(name, []))
            lines.append(f"| {name} | {how} | {tests} |")
    lines += ["", "## Left out", "", "| | Why |", "| --- | --- |"]
    lines += [f"| {name} | {why} |" for name, why in LEFT_OUT.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
