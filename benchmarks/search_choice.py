"""Measures whether a search over folds chooses better than on one split, and score bias.

For each seed, some 250 lesions are drawn, and 24 trials are scored on them: on one
validation split of a fifth, and on five folds. The true score of a choice is measured on
5,000 fresh drawings, in three ways:

- refit: its head, trained again on all 250 images;
- kept: the models that the search keeps: a single one, or the mean of those of all folds;
- retrained: the mean score of heads that are trained like trials, on folds that neither
  search has seen. This measures only the chosen settings, in the same way for both.

Seeds are compared in pairs, with the 95% interval of the mean difference (Student's t);
also choices by the rule `one_standard_error`, and choices without racing. The scores that
the search reports, uncorrected and corrected for selection, are compared with the mean
score of the chosen trial's own models on the fresh drawings; `not chosen` is the same for
all trials with all folds: the bias from choosing the best epoch alone.

Used from Keraunos: the drawings, the network and its features, hold-out and folds, the
(random) oracle, trials over folds and racing, the choice, the correction, and the number of
epochs of a refit. Simulated: training. A trial is a linear head in NumPy on features that
are computed once, trained for up to 30 epochs with early stopping, without augmentation and
fine-tuning. The network has random weights: with ImageNet weights, nearly all drawings are
recognized, which leaves nothing to choose. Each drawing is a group of its own.

Each seed appends a line to FILE, next to which features are cached; the same command
continues where it was stopped or killed.

Usage: python benchmarks/search_choice.py --results FILE.jsonl [--seeds 20] [--images 250]
       [--fresh 5000] [--trials 24] [--folds 5] [--backbone NAME] [--weights none]
       [--image-size 64]
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from better_models_results import Results
from keraunos.callbacks.monitor import Monitor
from keraunos.configs import SearchConfig
from keraunos.configs.choices import TrialChoice
from keraunos.core.files import sha256_of_json
from keraunos.data.index.stratified import assign_folds, hold_out
from keraunos.search.choice import Choice
from keraunos.search.folds import FoldedTrial
from keraunos.search.journal import Journal
from keraunos.search.refit_config import epochs_to_refit
from keraunos.search.study import Study
from keraunos.search.trials import (
    FitTrial,
    Outcome,
    TrialPlan,
    garbage_of_trials_only,
    run_trial,
)
from keraunos.search.tuning.oracles import create_oracle
from keraunos.search.winner import Winner, find_winner
from scipy import stats
from search_choice_heads import EPOCHS, Heads, Mask, Trained, space
from search_choice_images import FRESH_SEED, DrawnImages, labels_of

OBJECTIVE = Monitor("val_balanced_accuracy")
SETTINGS = ("images", "fresh", "trials", "folds", "backbone", "weights", "image_size")
VERSION = 2  # of the simulation
MEASURES = ("refit", "kept", "retrained")
OTHER_DIVISION = 1000  # added to the seed for folds that no search has seen
COMPARED = (
    ("folds", "split", "folds against one split"),
    ("simplest", "split", "folds, one_standard_error, against one split"),
    ("simplest", "folds", "one_standard_error against best, over folds"),
    ("folds", "unraced", "racing against all folds of all trials"),
)


def main() -> None:
    """Simulates the missing seeds, and prints the summary of all."""
    options = parse()
    results = Results(options.results)
    settings = {name: getattr(options, name) for name in SETTINGS} | {"version": VERSION}
    key = {"cell": "search_choice", "fold": None, "settings": sha256_of_json(settings)[:16]}
    keys = [key | {"seed": seed} for seed in range(options.seeds)]
    weights = None if options.weights == "none" else options.weights
    folder = options.results.with_suffix(".features")
    images = DrawnImages(folder, options.backbone, weights, options.image_size)
    for each in keys:
        if each not in results:
            started = time.process_time()
            found = simulate(each["seed"], images, options)
            seconds = round(time.process_time() - started, 1)
            results.append(each | {"cpu_seconds": seconds, **found})
            print(f"seed {each['seed']}: {seconds} s of CPU", flush=True)
    summary = summarize([results[each] for each in keys])
    print(json.dumps({"options": settings, "seeds": options.seeds, **summary}))


def parse() -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--results", required=True, type=Path, help="file of JSON lines")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--images", type=int, default=250, help="images to search on")
    parser.add_argument("--fresh", type=int, default=5000, help="images for true scores")
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--backbone", default="efficientnet_lite0")
    parser.add_argument("--weights", default="none", help="none or imagenet")
    parser.add_argument("--image-size", type=int, default=64)
    options = parser.parse_args()
    if np.bincount(labels_of(options.images)).min() < options.folds:
        parser.error("each class needs an image in each fold: more --images")
    return options


def simulate(seed: int, images: DrawnImages, options: argparse.Namespace) -> dict[str, Any]:
    """Runs all searches of a seed, and measures their choices."""
    drawn, fresh = images.get(seed, options.images), images.get(FRESH_SEED, options.fresh)
    groups = np.arange(len(drawn.labels))
    held_out = [hold_out(drawn.labels, groups, 1 / options.folds, seed)]
    for division in (seed, seed + OTHER_DIVISION):
        fold_of = assign_folds(drawn.labels, groups, options.folds, division)
        held_out += [fold_of == fold for fold in range(options.folds)]
    heads = Trainings(Heads(drawn, fresh, seed), held_out, options.folds)
    with garbage_of_trials_only():
        one = search(heads, seed, options.trials, None)
        raced = search(heads, seed, options.trials, options.folds)
        unraced = search(heads, seed, options.trials, options.folds, races=False)
    ranking = unraced.ranking()
    true_scores = [heads.mean_true_score(t.values, heads.own_folds) for t in ranking]
    return {
        "split": arm(heads, winner(one, "best")),
        "folds": arm(heads, winner(raced, "best")),
        "simplest": arm(heads, winner(raced, "one_standard_error")),
        "unraced": arm(heads, winner(unraced, "best")),
        "folds_trained": num_folds(raced),
        "folds_unraced": num_folds(unraced),
        "not_chosen": fmean(t.score or 0.0 for t in ranking) - fmean(true_scores),
        "true_mean": fmean(true_scores),
        "true_best": max(true_scores),
    }


@dataclass
class Trainings:
    """Heads by values and held-out images, each trained once for all searches.

    Attributes:
        heads: Trains the heads.
        held_out: Held-out images of the single split, then of all folds of both divisions.
        folds: Number of folds of each division.
    """

    heads: Heads
    held_out: Sequence[Mask]
    folds: int

    def __post_init__(self) -> None:
        self._done: dict[tuple[str, int], Trained] = {}
        self.own_folds = range(1, self.folds + 1)
        self.other_folds = range(self.folds + 1, 2 * self.folds + 1)

    def __call__(self, plan: TrialPlan) -> Outcome:
        """Trains a fold, or on the single split, as a `FitTrial`."""
        return Outcome("completed", self.trained(plan.values, plan.fold or 0).scores)

    def trained(self, values: Mapping[str, Any], fold: int) -> Trained:
        """Returns the head trained without a fold from 1 on; 0 is the single split."""
        key = json.dumps(values, sort_keys=True), fold
        if key not in self._done:
            self._done[key] = self.heads.train(values, self.held_out[fold])
        return self._done[key]

    def mean_true_score(self, values: Mapping[str, Any], folds: Sequence[int]) -> float:
        """Returns the mean score of the models of some folds on fresh images."""
        trained = (self.trained(values, fold) for fold in folds)
        return fmean(self.heads.true_score(each.probabilities) for each in trained)

    def true_score_of_mean(self, values: Mapping[str, Any], folds: Sequence[int]) -> float:
        """Returns the score of the mean probabilities of some folds on fresh images."""
        every = [self.trained(values, fold).probabilities for fold in folds]
        return self.heads.true_score(np.mean(every, axis=0))


def search(
    fit: FitTrial, seed: int, trials: int, folds: int | None, races: bool = True
) -> Study:
    """Runs a search like the command line, one trial at a time."""
    config = SearchConfig(tuner="random", objective=OBJECTIVE.name, max_trials=trials)
    trial_fit = fit if folds is None else FoldedTrial(fit, folds, OBJECTIVE, str)
    with tempfile.TemporaryDirectory(prefix="search_choice-") as name:
        oracle = create_oracle(config, OBJECTIVE, space(), seed, EPOCHS)
        study = Study(oracle, OBJECTIVE, Journal(Path(name, "search.json"), {}))
        while trial := study.ask():
            plan = TrialPlan(
                trial.number,
                trial.hyperparameters.get_config(),
                Path(name, trial.name),
                rival=trial.rival if races else (),
            )
            outcome = run_trial(trial_fit, plan, OBJECTIVE.name)
            if outcome.status != "completed":
                raise SystemExit(f"{trial.name} failed: {outcome.reason}")
            study.tell(trial, outcome)
    return study


def winner(study: Study, rule: TrialChoice) -> Winner:
    """Returns the winner of a search."""
    found = find_winner(study.ranking(), Choice(rule, OBJECTIVE.mode), OBJECTIVE)
    if found is None:
        raise SystemExit("no trial has completed")
    return found


def arm(heads: Trainings, chosen: Winner) -> dict[str, Any]:
    """Returns the reported scores of a choice, and its true scores."""
    values = chosen.trial.values
    folds = heads.own_folds if chosen.folds else (0,)
    return {
        "trial": chosen.trial.number,
        "score": chosen.trial.score,
        "corrected": chosen.corrected,
        "models": heads.mean_true_score(values, folds),
        "kept": heads.true_score_of_mean(values, folds),
        "retrained": heads.mean_true_score(values, heads.other_folds),
        "refit": heads.heads.refit(values, epochs_to_refit(chosen.trial)),
        "epochs": epochs_to_refit(chosen.trial),
    }


def num_folds(study: Study) -> int:
    """Returns the number of folds that a search trained, over all trials."""
    return sum(len(trial.fold_scores) for trial in study.trials.values())


def summarize(lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Prints and returns the summary of all seeds."""
    summary: dict[str, Any] = {"true_scores": {}, "differences": {}, "bias": {}}
    for measure in MEASURES:
        for name in ("split", "folds", "simplest", "unraced"):
            found = fmean(each[name][measure] for each in lines)
            summary["true_scores"][f"{name}, {measure}"] = found
            print(f"true score, {name}, {measure}: {found:.4f}")
    for measure in MEASURES:
        for name, other, text in COMPARED:
            found = [each[name][measure] - each[other][measure] for each in lines]
            summary["differences"][f"{name}-{other}, {measure}"] = interval(found)
            print(f"{text} ({measure}): {in_words(found)}, {ahead(found)}")
    for name in ("split", "folds", "simplest"):
        for claim in ("score", "corrected"):
            if lines[0][name][claim] is not None:
                found = [each[name][claim] - each[name]["models"] for each in lines]
                summary["bias"][f"{name}, {claim}"] = interval(found)
                print(f"{claim} minus true score, {name}: {in_words(found)}")
    found = [each["not_chosen"] for each in lines]
    summary["bias"]["not chosen"] = interval(found)
    print(f"score minus true score, not chosen: {in_words(found)}")
    for name in ("folds_trained", "folds_unraced", "true_mean", "true_best"):
        summary[name] = fmean(each[name] for each in lines)
    print(
        f"folds trained: {summary['folds_trained']:.1f} of {summary['folds_unraced']:.0f}"
    )
    print(f"CPU: {sum(each['cpu_seconds'] for each in lines):.0f} s")
    return summary


def interval(values: Sequence[float]) -> list[float | None]:
    """Returns the mean and its 95% interval, which is None for a single seed."""
    if len(values) < 2:
        return [fmean(values), None, None]
    found = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    return [fmean(values), float(found.low), float(found.high)]


def in_words(values: Sequence[float]) -> str:
    """Formats the mean and its interval."""
    mean, low, high = interval(values)
    return f"{mean:+.4f}" if low is None else f"{mean:+.4f} ({low:+.4f} to {high:+.4f})"


def ahead(values: Sequence[float]) -> str:
    """Formats the numbers of seeds that are better and worse."""
    better, worse = sum(each > 0 for each in values), sum(each < 0 for each in values)
    return f"better in {better} seeds, worse in {worse}"


if __name__ == "__main__":
    main()
