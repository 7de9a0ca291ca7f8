"""Summarizes a report: what the model does, its data, and out-of-scope uses."""

from collections.abc import Iterator, Mapping
from typing import Any

from ...configs.choices import Task
from ...core.counted import counted_clause
from ...core.names import some
from ..facts import RunFacts
from ..run_report import RunReport
from .local_paths import name_of
from .task_words import WORDS

# With fewer, the interval of a recall is almost meaningless: its half-width exceeds 0.18.
FEW_IMAGES = 30
WEAK_RECALL = 0.5


def what_it_does(report: RunReport) -> str:
    """Describes the network, its outputs and the epoch of its weights."""
    facts, names = report.facts, report.class_names
    size = facts.setting("data.image_size")
    of_size = f" of {size} by {size} pixels" if isinstance(size, int) else ""
    words = WORDS[report.task]
    known = f"{words.gives} {len(names):,} {words.one if len(names) == 1 else words.many}"
    given = known.strip() if names else f"{words.many} with unknown names"
    named = f": {some(names)}" if names else ""
    what = f"{_network(facts)} predicts {given} for each image{of_size}{named}."
    if facts.exported_epoch is not None and facts.best is not None:
        what = f"{what} Its weights are those of {facts.best.describe()}."
    return f"{what} {how_selected(facts)}".strip()


def how_selected(facts: RunFacts) -> str:
    """Returns how a search selected the settings of a refit; empty for other runs."""
    winner = facts.search
    score, corrected = winner.get("score"), winner.get("corrected_score")
    if not isinstance(score, int | float):
        return ""
    folds = len(winner.get("fold_scores") or ())
    over = f" over {folds} folds" if folds else ""
    if isinstance(corrected, int | float):
        over += f", {corrected:.4f} when corrected for the selection"
    return (
        f"Its settings were selected by a search of {winner.get('num_trials')} trials, in "
        f"which they reached {winner.get('objective')} {score:.4f}{over}. It was then "
        "trained on all images except the test images."
    )


def on_what_data(facts: RunFacts) -> str:
    """Describes the images of each split, how they were split, and dropped files."""
    if not facts.counts:
        return "It is unknown which images were used."
    counts = {split: sum(each.values()) for split, each in facts.counts.items()}
    order = [name for name in ("train", "validation", "test") if name in counts]
    parts = [f"{counts[name]:,} {_SPLITS[name]}" for name in order]
    total = sum(facts.dropped.values())
    dropped = ", ".join(f"{n:,} by {name}" for name, n in facts.dropped.items())
    clause = f"files were dropped ({dropped})."
    left_out = counted_clause(total, clause) if total else _KEPT
    return f"{', '.join(parts)} images. {' '.join(how_split(facts))} {left_out}"


def how_split(facts: RunFacts) -> Iterator[str]:
    """Yields sentences about the origin of each split."""
    train = facts.setting("data.train")
    if train is not None:
        yield f"Images come from {name_of(train)}."
    if facts.setting("data.split"):
        yield f"They were split as in {name_of(facts.setting('data.split'))}."
    if facts.setting("data.folds"):
        folds, fold = facts.setting("data.folds"), facts.setting("data.fold")
        yield f"Fold {fold} of {folds} was held out for validation."
    for split in ("validation", "test"):
        if split == "validation" and facts.setting("data.train_on_validation"):
            yield "No images were held out for validation."
            continue
        given = facts.setting(f"data.{split}")
        part = facts.setting(f"data.{split}_split")
        if given is not None:
            yield f"The {split} images were given: {name_of(given)}."
        elif isinstance(part, float) and part > 0 and not facts.setting("data.folds"):
            seed = facts.setting("seed")
            evenly = _EVENLY[facts.setting("task") or "classification"]
            yield f"{part:.0%} were held out for {split}{evenly}, with seed {seed}."
    if facts.setting("data.group_column"):
        column = facts.setting("data.group_column")
        yield f"Images of one {column} stay in one split."


def not_for(report: RunReport) -> list[str]:
    """Returns out-of-scope uses of the model, with the reasons."""
    facts, names = report.facts, report.class_names
    source = facts.setting("data.train")
    collection = f"one collection ({name_of(source)})" if source else "one collection"
    lines = [
        "Unsupervised decisions in which mistakes can do harm, such as in medicine or "
        f"safety: it was evaluated on {_number_of_tests(report)} images, not in practice, "
        "and is not approved for any such purpose.",
        f"Images from cameras, sites or people other than those of {collection}: it was "
        "not evaluated on them.",
    ]
    if report.task == "regression":
        return [*lines, _OTHER_NUMBERS]
    if report.task == "multi_label":
        return [*lines, *_weak_labels(report.scores)]
    other = (
        f"Images of anything other than these {len(names):,} classes: it can't predict "
        "that an image shows none of them."
    )
    return [*lines, other, *_weak_classes(report.scores)]


def number_of_images(report: RunReport) -> int | None:
    """Returns the number of scored test images."""
    return report.scores[WORDS[report.task].images] if report.scores else None


def headline(
    scores: Mapping[str, Any], task: Task = "classification"
) -> list[dict[str, Any]]:
    """Returns `name`, `value`, `low` and `high` of headline scores; None if unknown."""
    intervals = scores.get("intervals", {})
    return [
        {
            "name": title,
            "value": scores.get(name),
            "low": intervals.get(name, (None, None))[0],
            "high": intervals.get(name, (None, None))[1],
        }
        for name, title in WORDS[task].scores.items()
    ]


_SPLITS = {"train": "training", "validation": "validation", "test": "test"}
_EVENLY = {
    "classification": ", class by class",
    "multi_label": ", label by label",
    "regression": "",
}
_OTHER_NUMBERS = (
    "Images whose values are outside the range of the training set: it was not trained on "
    "such images."
)
_KEPT = "No files were dropped."


def _network(facts: RunFacts) -> str:
    builder, backbone = facts.setting("model.builder"), facts.setting("model.backbone")
    if builder:
        return f"A custom network ({builder})"
    if not backbone:
        return "An unknown network"
    return f"{backbone}, {_start(facts.setting('model.weights'))},"


def _start(weights: Any) -> str:
    if not weights:
        return "initialized at random"
    named = "ImageNet weights" if weights == "imagenet" else f"weights {name_of(weights)}"
    return f"initialized with {named}"


def _number_of_tests(report: RunReport) -> str:
    return f"{number_of_images(report):,}" if report.scores else "no"


def _weak_classes(scores: Mapping[str, Any] | None) -> Iterator[str]:
    """Yields classes with no or few test images, and classes that are mostly missed."""
    if scores is None:
        return
    classes: Mapping[str, Any] = scores["per_class"]
    missing = scores["classes_without_examples"]
    if missing:
        yield f"Detecting {some(missing)}: there were no test images."
    yield from _weak_class_caveats(classes)
    yield from _small_class_caveats(classes, len(classes) - len(missing))


def _weak_labels(scores: Mapping[str, Any] | None) -> Iterator[str]:
    """Yields labels of all, no or few test images, and labels that are mostly missed."""
    if scores is None:
        return
    if scores["labels_without_both"]:
        names = some(scores["labels_without_both"])
        yield (f"Detecting {names}: all or none of the test images have the label.")
    labels: Mapping[str, Any] = scores["per_label"]
    yield from _weak_class_caveats(labels)
    yield from _small_class_caveats(
        labels, sum(values["support"] > 0 for values in labels.values())
    )


def _weak_class_caveats(classes: Mapping[str, Any]) -> Iterator[str]:
    weak = [
        f"{name} ({values['recall']:.0%} of {values['support']:,})"
        for name, values in classes.items()
        if values["recall"] is not None and values["recall"] < WEAK_RECALL
    ]
    if weak:
        yield f"Detecting {some(weak)}: more than half of the test images were missed."


def _small_class_caveats(classes: Mapping[str, Any], count: int) -> Iterator[str]:
    few = {name: n for name, n in _supports(classes).items() if 0 < n < FEW_IMAGES}
    if few:
        yield (
            f"Claims about {_named(few, count)} alone: with fewer than {FEW_IMAGES} test "
            "images, a recall is uncertain by almost 0.2 or more in either direction."
        )


def _supports(classes: Mapping[str, Any]) -> dict[str, int]:
    return {name: values["support"] for name, values in classes.items()}


def _named(few: Mapping[str, int], count: int) -> str:
    """Names classes with their numbers of images, or summarizes them if all have few."""
    if len(few) > 1 and len(few) == count:
        low, high = min(few.values()), max(few.values())
        each = f"{low} to {high}" if low < high else f"{low}"
        return f"any one class ({each} test images)"
    return some(f"{name} ({n:,})" for name, n in few.items())
