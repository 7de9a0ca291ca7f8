"""All checks, the most important first; the last are omitted if time is short.

Each names the sentence of the documents that it tests.
"""

from .check import Check

_SAME_RESULT = "the number of devices does not change the result"
_STEP = "A step of a tiny model costs little more than one of a bare loop"
_TRAINING = "ResNet50 trains as fast as in a bare loop"
# Name, whether the backbone is frozen, and seconds.
_RESNETS = (("frozen ResNet50", True, 40), ("fine-tuned ResNet50", False, 75))
_MIXED = "mixed_float16"


def _replicas_agree(precision: str, seconds: float) -> Check:
    return Check(
        f"replicas agree, {precision}",
        _SAME_RESULT,
        "replicas_agree",
        "several",
        seconds,
        {"precision": precision},
    )


def _throughput(precision: str, uses_xla: bool) -> list[Check]:
    kind = f"{precision}, XLA" if uses_xla else precision
    options = {"precision": precision, "uses_xla": uses_xla}
    return [
        Check(
            f"{name}, {kind}{', all GPUs' if where == 'all' else ''}",
            _TRAINING,
            "throughput",
            where,
            seconds,
            {**options, "is_frozen": is_frozen},
        )
        for name, is_frozen, seconds in _RESNETS
        for where in ("one", "all")
        # XLA can't compile batch normalization that is synchronized between replicas.
        if is_frozen or not uses_xla or where == "one"
    ]


CHECKS = (
    _replicas_agree("float32", 15),
    Check(
        "kill and resume",
        "the run then ends bit for bit as if it had never been killed",
        "kill_and_resume",
        "several",
        25,
    ),
    Check(
        "all-reduce",
        "Losses and metrics are exact over devices",
        "all_reduce",
        "several",
        12,
    ),
    Check("randomness", "a run repeats with its seed", "randomness", "several", 15),
    _replicas_agree(_MIXED, 12),
    Check("step overhead", _STEP, "step_overhead", "one", 20),
    Check(
        "cached features", "Cached features change no result", "cached_features", "one", 20
    ),
    Check(
        "input",
        "Decoded images are kept on disk for all runs, as far as space allows",
        "input",
        "one",
        15,
    ),
    Check(
        "workers agree",
        "The result equals that of one process",
        "workers_agree",
        "workers",
        35,
    ),
    Check(
        "XLA agrees",
        "XLA gives the same results except for rounding",
        "xla_agrees",
        "one",
        20,
    ),
    Check("memory", "Memory does not grow from fit to fit", "memory", "one", 25),
    _replicas_agree("float64", 12),
    *_throughput("float32", uses_xla=False),
    *_throughput(_MIXED, uses_xla=False),
    *_throughput("float32", uses_xla=True),
    *_throughput(_MIXED, uses_xla=True),
    Check("step overhead, replicas", _STEP, "step_overhead", "several", 35),
)
