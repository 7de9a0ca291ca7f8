"""Derives findings from samples of training steps: what is wrong, and what may help."""

from collections.abc import Mapping
from dataclasses import dataclass

# Above this fraction of a step spent waiting for data, a run is input-bound: TensorFlow's
# profiler reports "highly input-bound" from 20%.
WAITING_IS_LONG = 0.2
# A hundred times the usual ratio, which "should be somewhere around 1e-3" (Karpathy,
# CS231n, Neural Networks Part 3, 2015).
RATIO_IS_LARGE = 0.1
# Above this fraction of the device time, all-reduce is reported: a third more devices would
# then bring almost nothing.
SUMS_ARE_LONG = 0.3
# Keys of findings about speed; all others are about learning.
INPUT, ALL_REDUCE = "input", "all_reduce"
# Below this loss scale, the gradients themselves are too large for float16.
SCALE_IS_SMALL = 1.0
# A finding ends when its value has fallen to this fraction of the threshold.
IS_OVER = 0.5

_FOR_IMAGES = (
    "cache decoded images (data.cache=disk), choose a smaller data.image_size, or let a "
    "dataset of your own prefetch and read in parallel"
)
_FOR_FEATURES = (
    "features are cached, and steps on them are short: a larger data.batch_size makes "
    "fewer of them"
)


@dataclass(frozen=True)
class Finding:
    """A problem in training.

    Attributes:
        key: Identifies the finding; constant while it holds.
        value: The measured value.
        threshold: The value it is compared with.
        text: What it means and what may help.
        over: The text once it is over.
        is_low: Whether small values are the problem.
    """

    key: str
    value: float
    threshold: float
    text: str
    over: str
    is_low: bool = False

    def is_active(self, was_active: bool) -> bool:
        """Returns whether the finding holds, given whether it held before."""
        if self.is_low:
            return self.value <= self.threshold
        return self.value > self.threshold * (IS_OVER if was_active else 1.0)


def find(values: Mapping[str, float], on_features: bool = False) -> list[Finding]:
    """Returns all findings that the values allow to evaluate, whether they hold or not.

    Args:
        values: Medians of samples, named like `HealthRecord.values`.
        on_features: Whether batches consist of cached features.

    Example:
        >>> [finding] = find({"input_wait_share": 0.62})
        >>> finding.text.partition(":")[2].partition(":")[0]
        ' 62% of a step is spent waiting for data'
    """
    found = []
    waits = _input_wait_shares(values)
    if waits:
        who = max(waits, key=waits.__getitem__)
        found.append(waiting(waits[who], who, on_features))
    # A worker that waits for data keeps the others waiting in all-reduce.
    if "all_reduce_share" in values and max(waits.values(), default=0) <= WAITING_IS_LONG:
        found.append(_all_reduce_finding(values["all_reduce_share"]))
    if "loss_scale" in values:
        found.append(_loss_scale_finding(values["loss_scale"]))
    for name, value in values.items():
        kind, _, block = name.partition("/")
        if kind == "update_ratio":
            found.append(_update_ratio_finding(block, value))
        elif kind == "gradient_norm":
            found.append(_gradient_finding(block, value))
    return found


def waiting(share: float, who: str = "", on_features: bool = False) -> Finding:
    """Returns the finding about the time spent waiting for data.

    Args:
        share: The fraction of a step, from 0 to 1.
        who: The worker that waits, if it is not this one.
        on_features: Whether batches consist of cached features.
    """
    where = f" on {who}" if who else ""
    waits = f"{share * 100:.0f}% of a step is spent waiting for data{where}"
    advice = _FOR_FEATURES if on_features else _FOR_IMAGES
    return Finding(
        INPUT,
        share,
        WAITING_IS_LONG,
        f"input-bound: {waits}: {advice}",
        f"no longer input-bound: {waits}",
    )


def _input_wait_shares(values: Mapping[str, float]) -> dict[str, float]:
    """Returns the share of a step that each worker waits for data; "" is this worker."""
    found = {}
    for name, value in values.items():
        kind, _, worker = name.partition("/")
        if kind == "input_wait_share":
            found[worker.replace("_", " ")] = value
    return found


def _all_reduce_finding(share: float) -> Finding:
    return Finding(
        ALL_REDUCE,
        share,
        SUMS_ARE_LONG,
        f"{share * 100:.0f}% of the device time goes into all-reduce and waiting for the "
        "slowest replica: larger batches need fewer all-reduces, and a replica that shares "
        "its device slows down all others",
        f"all-reduce is back to {share * 100:.0f}% of the device time",
    )


def _loss_scale_finding(scale: float) -> Finding:
    # Inverted, so that large values are bad as in other findings.
    return Finding(
        "loss_scale",
        SCALE_IS_SMALL / max(scale, 1e-30),
        1.0,
        f"the loss scale has fallen to {scale:.2g}: gradients are too large for float16; "
        "try trainer.precision=mixed_bfloat16, or a smaller learning rate",
        f"the loss scale is back to {scale:.2g}",
    )


def _update_ratio_finding(block: str, ratio: float) -> Finding:
    return Finding(
        f"update_ratio/{block}",
        ratio,
        RATIO_IS_LARGE,
        f"update/weight ratio {ratio:.0e} in {block}: learning rate too high? About 1e-03 "
        "is typical",
        f"update/weight ratio in {block} is back to {ratio:.0e}",
    )


def _gradient_finding(block: str, norm: float) -> Finding:
    return Finding(
        f"gradient_norm/{block}",
        norm,
        0.0,
        f"no gradient reaches {block}, so it does not learn: are all outputs of a later "
        "layer zero?",
        f"gradients reach {block} again",
        is_low=True,
    )
