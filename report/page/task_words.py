"""The wording of reports for each task."""

from collections.abc import Mapping
from dataclasses import dataclass

from ...configs.choices import Task


@dataclass(frozen=True)
class TaskWords:
    """The wording of reports for a task.

    Attributes:
        scores: Titles of the headline scores, by their names in test.json.
        images: Key of the number of test images in test.json.
        one: Singular of the outputs, such as `class`.
        many: Plural of the outputs.
        gives: Quantifier before the number of outputs, such as `one of`.
        outputs: Description of the outputs of the model.
        note: Explanation of the headline scores.
        are_shares: Whether all scores are between 0 and 1.
    """

    scores: Mapping[str, str]
    images: str
    one: str
    many: str
    gives: str
    outputs: str
    note: str
    are_shares: bool = True


WORDS: Mapping[Task, TaskWords] = {
    "classification": TaskWords(
        {
            "balanced_accuracy": "balanced accuracy",
            "accuracy": "accuracy",
            "macro_f1": "macro F1",
            "macro_roc_auc": "macro ROC-AUC",
        },
        "examples",
        "class",
        "classes",
        "one of",
        "probabilities of the classes",
        "Balanced accuracy is the mean recall of the classes.",
    ),
    "multi_label": TaskWords(
        {
            "mean_average_precision": "mean average precision",
            "macro_f1": "macro F1",
            "micro_f1": "micro F1",
            "macro_roc_auc": "macro ROC-AUC",
            "exact_match": "exact match",
            "hamming_loss": "Hamming loss",
        },
        "images",
        "label",
        "labels",
        "any of",
        "probabilities of the labels",
        "Macro scores are means over the labels; exact match is the fraction of images "
        "with all labels right, and the Hamming loss is the fraction of wrong labels.",
    ),
    "regression": TaskWords(
        {
            "mean_absolute_error": "mean absolute error",
            "root_mean_squared_error": "root mean squared error",
            "r2": "R²",
        },
        "images",
        "number",
        "numbers",
        "",
        "numbers",
        "For several numbers, these are means over them, regardless of units; the scores "
        "of each number are below.",
        are_shares=False,
    ),
}
