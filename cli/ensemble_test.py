"""Scores several runs as an ensemble, with one model in memory at a time."""

from collections.abc import Sequence

from ..evaluation import Predictions
from ..evaluation.comparisons.ensemble import MeanPredictions
from ..evaluation.comparisons.matching import KnownImages
from ..trainer import TestResult, Trainer
from ..trainer.loop.evaluation import paired_difference, score_predictions
from .ensemble_scores import EnsembleScores
from .ensembles import Member, read_split
from .saved_model import forget_models, load_model


def score_members(
    members: Sequence[Member], split: str, tta: int | None = None
) -> EnsembleScores:
    """Tests each member, and the mean of their probabilities.

    Args:
        members: At least two members.
        split: `"test"` or `"validation"`.
        tta: Number of views per image, like in `Trainer.test`.

    Raises:
        ConfigError: The members have different classes or images.
        DataError: Images can't be read, or outputs are not probabilities.
        CheckpointError: A model is damaged.
    """
    plain, varied = MeanPredictions(), MeanPredictions()
    first, scores, each = read_split(members[0], split), {}, {}
    for member in members:
        images = first if member is members[0] else read_split(member, split)
        plain.rows_of(KnownImages.of(member.name, images))  # before its model is loaded
        result = Trainer().test(load_model(member.run, member.config), images, tta=tta)
        each[member.name] = plain.add(member.name, _predictions(result), images)
        if result.tta is not None:
            varied.add(member.name, _predictions(result.tta), images)
        scores[member.name] = result.scores
        del result  # it holds the model
        forget_models()
    total = score_predictions(first, plain.predictions)
    total["against_members"] = {
        name: paired_difference(first, (name, alone), ("ensemble", plain.predictions))
        for name, alone in each.items()
    }
    if tta is None:
        return EnsembleScores(split, total, scores, plain.predictions)
    views = varied.predictions
    total["tta"] = {"views": tta, **score_predictions(first, views)}
    return EnsembleScores(split, total, scores, plain.predictions, views)


def _predictions(result: TestResult) -> Predictions:
    if result.predictions is None:
        raise ValueError("Tests of images have predictions.")
    return result.predictions
