"""Checks which settings of the section `data` can be combined."""

from collections.abc import Iterator, Mapping
from typing import Any

from ..core.names import did_you_mean
from ..core.table_features import problem_of_name
from .problems import Problem, ProblemsError, problem

# The settings for tables, and their defaults.
_TABLE_SETTINGS = {
    "image_root": None,
    "image_column": "image",
    "label_column": "label",
    "label_columns": None,
    "group_column": None,
    "split_column": "auto",
    "features": None,
    "categorical_features": None,
}
# Those that also apply to image folders with metadata tables.
_METADATA_SETTINGS = (
    "image_column",
    "group_column",
    "features",
    "categorical_features",
)
TABLE_ONLY_SETTINGS = tuple(
    name for name in _TABLE_SETTINGS if name not in _METADATA_SETTINGS
)

# The settings that need the content of files, and their defaults.
FILE_CONTENT_SETTINGS = {
    "bit_depth": None,
    "exif_orientation": "apply",
    "on_unreadable": "error",
}


def is_table(path: str) -> bool:
    """Returns whether a path names a table rather than a folder.

    Example:
        >>> is_table("metadata.csv"), is_table("isic9/Train")
        (True, False)
    """
    return path.lower().endswith((".csv", ".tsv"))


def check_data(data: Mapping[str, Any]) -> None:
    """Checks that the settings can be combined.

    Args:
        data: The section `data`, with settings that are valid on their own.

    Raises:
        ProblemsError: Settings conflict; the message lists all conflicts.
    """
    problems = [
        *_tables(data),
        *_metadata(data),
        *_feature_problems(data),
        *_split_problems(data),
        *_fold_problems(data),
        *_lazy_check_problems(data),
    ]
    if problems:
        raise ProblemsError(*problems)


def _tables(data: Mapping[str, Any]) -> Iterator[Problem]:
    sources = [data[name] for name in ("train", "validation", "test")]
    if data["label_columns"] is not None and data["label_column"] != "label":
        yield _problem(
            data,
            "can't be set with `data.label_column`",
            "Leave one out.",
            "label_columns",
            "label_column",
        )
    if data["train"] is None or any(source and is_table(source) for source in sources):
        return
    for name, default in _TABLE_SETTINGS.items():
        is_joined = data["metadata"] is not None and name in _METADATA_SETTINGS
        if data[name] == default or is_joined:
            continue
        remedy = "Leave it out"
        if name in _METADATA_SETTINGS:
            remedy += ", or set data.metadata to a table with one row per image"
        yield _problem(
            data, "is for tables, .csv or .tsv files", f"{remedy}.", name, "train"
        )


def _metadata(data: Mapping[str, Any]) -> Iterator[Problem]:
    others = [each for each in data["metadata"] or () if not is_table(each)]
    if others:
        yield _problem(data, "must be tables, .csv or .tsv files", "", "metadata")


def _feature_problems(data: Mapping[str, Any]) -> Iterator[Problem]:
    features, categorical = data["features"] or [], data["categorical_features"] or []
    sources = {name: data[name] for name in ("train", "validation", "test") if data[name]}
    folders = [name for name, source in sources.items() if not is_table(source)]
    is_mixed = len(folders) < len(sources)  # `_tables` handles folders only
    if features and data["metadata"] is None and is_mixed:
        for name in folders:
            yield _problem(
                data, f"needs a table in `data.{name}`, too", "", "features", name
            )
    for name in dict.fromkeys(features):
        what = problem_of_name(name)
        if features.count(name) > 1:
            what = "it occurs more than once"
        if what:
            yield _problem(
                data,
                f"must be distinct, valid column names ({name}: {what})",
                "Leave it out, or rename the column.",
                "features",
            )
    others = [name for name in categorical if name not in features]
    if others:
        yield _problem(
            data,
            f"must be a subset of `data.features`; {', '.join(others)} is not in it",
            did_you_mean(others[0], features),
            "categorical_features",
            "features",
        )


def _lazy_check_problems(data: Mapping[str, Any]) -> Iterator[Problem]:
    """Yields settings that need every file to be opened, which `check=lazy` avoids."""
    if data["check"] != "lazy":
        return
    for name, default in FILE_CONTENT_SETTINGS.items():
        if data[name] != default:
            yield _problem(
                data,
                "needs every file to be opened before training",
                "Leave one out.",
                name,
                "check",
            )


def _split_problems(data: Mapping[str, Any]) -> Iterator[Problem]:
    if data["test_split"] > 0 and data["test"] is not None:
        yield _problem(
            data, "can't be set with `data.test`", "Leave one out.", "test_split", "test"
        )
    if data["test_split"] + data["validation_split"] >= 1:
        yield _problem(
            data,
            "and `data.validation_split` must leave images to train on",
            "Their sum must be below 1.",
            "test_split",
            "validation_split",
        )


def _fold_problems(data: Mapping[str, Any]) -> Iterator[Problem]:
    folds, fold = data["folds"], data["fold"]
    if fold is not None and folds is None:
        remedy = "Set it, for example to 5."
        yield _problem(data, "needs `data.folds`", remedy, "fold", "folds")
    if fold is not None and folds is not None and fold > folds:
        yield _problem(data, f"must be 1 to {folds}", "", "fold", "folds")
    for other in ("validation", "split"):
        if folds is not None and data[other] is not None:
            remedy = "Leave one out."
            yield _problem(
                data, f"can't be set with `data.{other}`", remedy, "folds", other
            )
    if folds is not None and data["train_on_validation"]:
        names = ("train_on_validation", "folds")
        yield _problem(data, "can't be set with `data.folds`", "Leave one out.", *names)


def _problem(data: Mapping[str, Any], expected: str, remedy: str, *names: str) -> Problem:
    received = {f"data.{name}": data[name] for name in names}
    return problem(f"data.{names[0]}", expected, remedy, **received)
