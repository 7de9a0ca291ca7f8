"""Sentences and tables about abstention."""

from collections.abc import Mapping, Sequence
from typing import Any

from ...core.names import printable, some
from ..finding import Table
from ..text import with_interval


def conclusions_of(values: Mapping[str, Any]) -> list[str]:
    """Returns the conclusions."""
    found = [_about_confidence(values)]
    if "sets" in values:
        found += [_about_sets(values["sets"]), *_about_answers(values["answers"])]
    return found


def warnings_of(values: Mapping[str, Any]) -> list[str]:
    """Returns warnings if coverage or risk miss their targets."""
    if "sets" not in values:
        return []
    return [*_broken_promises(values["sets"]), *_broken_risk(values["answers"])]


def gaps_of(values: Mapping[str, Any]) -> list[str]:
    """Returns what could not be measured."""
    if "sets" not in values:
        return [
            "not measured: prediction sets, because there are no validation images to "
            "choose thresholds on; data.validation_split holds out some."
        ]
    return _gaps(values["sets"], values["answers"])


def tables_of(values: Mapping[str, Any]) -> list[Table]:
    """Returns tables of accuracy by coverage, and of prediction sets by class."""
    sets = [_class_table(values["sets"])] if "sets" in values else []
    return [_kept_table(values["risk_coverage"]), *sets]


def _about_confidence(values: Mapping[str, Any]) -> str:
    rows = {row["wanted"]: row for row in values["risk_coverage"]["kept"]}
    half, every = with_interval(rows[0.5], "accuracy"), with_interval(rows[1.0], "accuracy")
    return (
        f"On the {rows[0.5]['kept']:.0%} of images with the most confident predictions, "
        f"the accuracy is {half}; on all images, it is {every}."
    )


def _about_sets(sets: Mapping[str, Any]) -> str:
    cases = "images of each class" if sets["by_class"] else "images"
    covered = with_interval(sets, "coverage")
    return (
        f"Prediction sets with a target coverage of {sets['wanted_coverage']:.0%} of the "
        f"{cases} contain the true class for {covered} of {sets['images']:,} test "
        f"images, with {sets['mean_size']:.1f} classes on average; {sets['single']:.0%} "
        "of the sets contain a single class."
    )


def _about_answers(answers: Mapping[str, Any]) -> list[str]:
    if answers["threshold"] is None:
        return []
    measured = with_interval(answers, "risk")
    found = "none of them" if measured is None else f"{measured} of these are wrong"
    return [
        f"To be wrong in at most {answers['wanted_risk']:.0%} of its answers, the model "
        f"answers from a probability of {answers['threshold']:.3f}: for "
        f"{answers['kept']:.0%} of the test images; {found}."
    ]


def _broken_promises(sets: Mapping[str, Any]) -> list[str]:
    """Warns if coverage is lower than chance explains."""
    every = {"test images": sets} if sets["least"] is not None else {}
    classes = {
        f"test images of {printable(name)}": each
        for name, each in sets["per_class"].items()
        if each["least"] is not None
    }
    return [
        f"Only {each['covered']:,} of the {each['images']:,} {name} have a set that "
        f"contains the true class. At least {each['least']:,} would have one if they came "
        "from the same distribution as the validation images."
        for name, each in (every | classes).items()
        if each["covered"] < each["least"]
    ]


def _broken_risk(answers: Mapping[str, Any]) -> list[str]:
    if not answers.get("answers") or (
        answers["intervals"]["risk"][0] <= answers["wanted_risk"]
    ):
        return []
    return [
        f"With the threshold chosen on validation, {with_interval(answers, 'risk')} of the "
        f"answers on test are wrong, more than {answers['wanted_risk']:.0%}."
    ]


def _gaps(sets: Mapping[str, Any], answers: Mapping[str, Any]) -> list[str]:
    fewest, coverage = sets["fewest_validation_images"], sets["wanted_coverage"]
    classes = sets["per_class"]
    need = f"a coverage of {coverage:.0%} takes {fewest}"
    found = []
    if sets["by_class"]:
        found += [
            f"not measured: a threshold of {printable(name)}, because there are only "
            f"{each['validation_images']} validation images of it and {need}; every set "
            "contains it."
            for name, each in classes.items()
            if each["threshold"] is None
        ]
    elif all(each["threshold"] is None for each in classes.values()):
        found.append(
            f"not measured: sets without some classes, because there are only "
            f"{sets['validation_images']} validation images and {need}."
        )
    untested = [name for name, each in classes.items() if not each["images"]]
    if untested:
        found.append(
            f"not measured: coverage of {some(untested)}, because there are no test images "
            "of them."
        )
    if answers["threshold"] is None:
        found.append(
            "not measured: answers at a wanted risk, because no threshold on validation "
            f"leaves at most {answers['wanted_risk']:.0%} of the answers wrong; allow a "
            "higher evaluation.abstention.risk."
        )
    return found


def _kept_table(measured: Mapping[str, Any]) -> Table:
    header = ["images with an answer", "lowest probability", "accuracy [95%]"]
    rows: list[Sequence[Any]] = [
        [
            f"{row['kept']:.0%}",
            f"{row['threshold']:.3f}",
            with_interval(row, "accuracy"),
        ]
        for row in measured["kept"]
    ]
    rows.append(["AURC", None, with_interval(measured, "aurc", 3)])
    return Table("Accuracy if only the most confident answers are given", header, rows)


def _class_table(sets: Mapping[str, Any]) -> Table:
    header = ["class", "test images", "sets with it [95%]", "classes per set"]
    rows = [
        [name, each["images"], with_interval(each, "coverage"), _short(each["mean_size"])]
        for name, each in {**sets["per_class"], "all": sets}.items()
    ]
    return Table("Prediction sets", header, rows)


def _short(number: float | None) -> str | None:
    return None if number is None else f"{number:.2f}"
