"""How a report speaks of what a model predicts: a class, several labels, or numbers."""

from collections.abc import Mapping
from dataclasses import dataclass

from ...configs.choices import Task


@dataclass(frozen=True)
class TaskWords:
    """How a report speaks of a task.

    Attributes:
        scores: Titles of the headline scores, by their names in test.json.
        images: What test.json calls the number of test images.
        one: What one of the outputs is, such as `class`.
        many: The same of several.
        gives: What a model gives an image, before the number of names.
        outputs: What the outputs of the model are.
        note: Explains the headline.
        are_shares: Whether all scores lie between 0 and 1.
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
        "Macro scores are means over the labels; exact match is the share of images whose "
        "labels are all right, and the Hamming loss the share of wrong labels.",
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
        "Of several numbers these are means over them, whatever their units; the scores of "
        "each are below.",
        are_shares=False,
    ),
}
