"""Compares validation with test scores for the protocol of a tutorial and that of Keraunos.

The tutorial oversamples rare classes with augmented copies and then holds out a fifth.
Keraunos drops contradictory images and those in the test set, holds out a fifth with copies
of an image on one side, and only then oversamples rare classes in the training set. Two
more rows change one of both aspects at a time.

The features of every image and its augmented versions are computed once by a frozen
ResNet50 and cached; each protocol trains the same head on them. Without ImageNet weights,
the network is random: scores are lower, but the comparison of the protocols is the same.

Usage: python benchmarks/tutorial_protocol.py --train isic9/Train --test isic9/Test
       [--weights imagenet|none|FILE] [--image-size 64] [--epochs 30] [--seeds 3]
"""

import argparse
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import keraunos as kr
import numpy as np
from keraunos.features import FeatureCache
from sklearn.metrics import recall_score

Array = np.ndarray[Any, Any]
HELD_OUT = 0.2


@dataclass
class Photographs:
    """All images of the training folder and of the test folder, as features.

    Attributes:
        versions: Features `(1 + views, images, features)`, original and augmented.
        labels: Class indices `(images,)`.
        rows: Row of each file.
        test: Features `(test images, features)`.
        test_labels: Class indices `(test images,)`.
        sound: Whether an image is not filed under two classes, `(test images,)`.
    """

    versions: Array
    labels: Array
    rows: dict[str, int]
    test: Array
    test_labels: Array
    sound: Array


@dataclass
class Rows:
    """Versions of images: indices of images and of versions, each `(rows,)`."""

    images: Array
    versions: Array

    def __getitem__(self, places: Array) -> "Rows":
        """Returns a subset of the rows."""
        return Rows(self.images[places], self.versions[places])


def parse() -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--train", required=True, help="folder of class folders")
    parser.add_argument("--test", required=True, help="folder of class folders")
    parser.add_argument("--weights", default="none", help="imagenet, none, or a file")
    parser.add_argument("--image-size", type=int, default=64)
    parser.add_argument("--views", type=int, default=6, help="versions of each image")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=3)
    return parser.parse_args()


def main() -> None:
    """Prints a table and a line of JSON."""
    options = parse()
    photographs = compute_features(options)
    rounds = [one_round(photographs, options, seed) for seed in range(options.seeds)]
    answer = {
        name: {key: [each[name][key] for each in rounds] for key in rounds[0][name]}
        for name in rounds[0]
    }
    sound = int(photographs.sound.sum())
    tests = (f"all {len(photographs.sound)}", f"the {sound} sound")
    print(f"{'':34}{'validation':>16}{tests[0]:>16}{tests[1]:>16}")
    for name, scores in answer.items():
        cells = (f"{np.mean(s):.3f} ± {np.std(s):.3f}" for s in scores.values())
        print(f"{name:34}{''.join(f'{cell:>16}' for cell in cells)}")
    print(json.dumps({"balanced_accuracy": answer, "options": vars(options)}))


def compute_features(options: argparse.Namespace) -> Photographs:
    """Computes the features of every version of every image, or reads them."""
    keras.utils.set_random_seed(0)
    varied = read(options, 0, "keep", options.test, kr.Augmentation(0.5, options.views))
    module = kr.TransferClassifier(
        varied.num_classes,
        image_size=options.image_size,
        weights=None if options.weights == "none" else options.weights,
    )
    frozen = module.frozen_part(module.build())
    cache = FeatureCache(frozen, varied.store, run_network)
    splits = [varied.train.in_order, *map(varied.train.view, range(options.views))]
    versions = np.stack([cache.features(split) for split in splits])
    test = varied.validation  # the test folder, passed as validation images
    mean, variance = versions[0].mean(axis=0), versions[0].var(axis=0)
    scale = np.sqrt(np.maximum(variance, 0.1 * variance.mean()))  # as standardize_features
    return Photographs(
        (versions - mean) / scale,
        varied.train.labels,
        {name: row for row, name in enumerate(varied.train.names)},
        (cache.features(test) - mean) / scale,
        test.labels,
        ~test.contradictory,
    )


def read(
    options: argparse.Namespace,
    seed: int,
    policy: str,
    validation: str | None = None,
    augmentation: kr.Augmentation | None = None,
) -> kr.ImageData:
    """Reads the images, and splits them unless a validation folder is given."""
    return kr.ImageData.from_folder(
        options.train,
        validation=validation,
        test=None if validation else options.test,
        validation_split=HELD_OUT,
        image_size=options.image_size,
        check="copies" if validation else "full",
        on_conflict=policy,
        on_leak=policy,
        augmentation=augmentation,
        seed=seed,
    )


def run_network(model: keras.Model, split: Any) -> Array:
    """Returns features `(images, features)` of a split, in order."""
    draws = split.draws(0)
    found = []
    for start in range(0, split.num_examples, 128):
        part = type(draws)(*(each[start : start + 128] for each in draws))
        images, _, _ = split.prepare(split.arrays(part))
        found.append(model.predict_on_batch(images))
    return np.concatenate(found)


def one_round(
    photographs: Photographs, options: argparse.Namespace, seed: int
) -> dict[str, dict[str, float]]:
    """Returns the balanced accuracies of each protocol."""
    random = np.random.default_rng(seed)
    scores = {}
    for policy, what in (("keep", "as shipped"), ("drop", "cleaned")):
        data = read(options, seed, policy)
        train, held_out = (
            np.array([photographs.rows[name] for name in split.names])
            for split in (data.train, data.validation)
        )
        labels = photographs.labels
        copies = fill_up(np.concatenate([train, held_out]), labels, random)
        order = random.permutation(len(copies.images))
        cut = int(HELD_OUT * len(order))
        first = f"{what}, copies, then split"
        scores[first] = score(
            photographs, copies[order[cut:]], copies[order[:cut]], options, seed
        )
        plain = Rows(held_out, np.zeros_like(held_out))
        scores[f"{what}, split, then copies"] = score(
            photographs, fill_up(train, labels, random), plain, options, seed
        )
    return scores


def fill_up(images: Array, labels: Array, random: np.random.Generator) -> Rows:
    """Returns every original image, and augmented copies until classes are balanced."""
    classes = [images[labels[images] == n] for n in range(labels.max() + 1)]
    most = max(map(len, classes))
    return Rows(
        np.concatenate([np.resize(random.permutation(each), most) for each in classes]),
        np.concatenate([np.arange(most) // len(each) for each in classes]),
    )


def score(
    photographs: Photographs,
    train: Rows,
    validation: Rows,
    options: argparse.Namespace,
    seed: int,
) -> dict[str, float]:
    """Trains the head, and returns balanced accuracies."""
    predict = train_head(photographs, train, options.epochs, seed)
    test, test_labels = photographs.test, photographs.test_labels
    predicted, sound = predict(test), photographs.sound
    answers = photographs.labels[validation.images]
    return {
        "validation": balanced_accuracy(
            answers, predict(features(photographs, validation))
        ),
        "test": balanced_accuracy(test_labels, predicted),
        "sound_test": balanced_accuracy(test_labels[sound], predicted[sound]),
    }


def balanced_accuracy(labels: Array, predicted: Array) -> float:
    """Returns the mean recall of the classes that occur."""
    classes = np.unique(labels)
    return float(recall_score(labels, predicted, labels=classes, average="macro"))


def features(photographs: Photographs, rows: Rows) -> Array:
    """Returns features `(rows, features)`; reuses versions if there are too few."""
    versions = rows.versions % len(photographs.versions)
    return photographs.versions[versions, rows.images]


def train_head(
    photographs: Photographs, rows: Rows, epochs: int, seed: int
) -> Callable[[Array], Array]:
    """Trains a head of dropout and softmax; returns a function that predicts classes."""
    keras.utils.set_random_seed(seed)
    head = keras.Sequential(
        [
            keras.Input(photographs.test.shape[1:]),
            keras.layers.Dropout(0.2),
            keras.layers.Dense(int(photographs.labels.max()) + 1, "softmax"),
        ]
    )
    head.compile("adam", "sparse_categorical_crossentropy")
    known = photographs.labels[rows.images]
    head.fit(features(photographs, rows), known, batch_size=32, epochs=epochs, verbose=0)
    return lambda inputs: head.predict(inputs, verbose=0).argmax(axis=1)


if __name__ == "__main__":
    main()
