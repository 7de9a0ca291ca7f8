"""Explains predictions with class activation maps, and shows missed images."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...core.counted import counted
from ...core.names import choose, some
from ...evaluation.evidence import Evidence, Labeled
from ...evaluation.finding import Finding, Panel
from ..subject import Subject
from .cam_layers import find_layer
from .cam_maps import METHODS, CamMaps
from .cam_panels import panel
from .examples import Examples, choose_examples, spread_over_classes
from .flat_graph import FlatGraph, NoGraphError
from .head_check import BOUND, HeadCheck, check_head, rank_correlations
from .missed import gaps_of, missed_tables, missed_values, missed_words, places_of
from .readable_images import ReadableImages

CHECKED_IMAGES = 40
TITLE = "What the model looks at"
EXPLANATION = (
    "Bright regions raise the score of a class, according to the activations of one layer "
    "and their gradients. Each map is scaled separately. Maps show where the model looks, "
    "but not why, nor whether it is right to."
)
_OTHER = {"grad_cam": "Grad-CAM++", "grad_cam_plus_plus": "Grad-CAM"}
_FEW_CELLS = 4  # per side
_TOLERANCE = 0.02  # of a probability, across devices and in half precision


class GradCam:
    """Shows class activation maps of some images of each class, and checks them.

    Args:
        method: `"grad_cam"` or `"grad_cam_plus_plus"`; None shows images without maps.
        layer: Name or path of the layer whose activations are used; None chooses the last
            with spatial outputs.
        examples_per_class: Number of right, and of wrong, predictions shown per class.
        must_not_miss: Classes whose missed images are all shown.

    Example:
        >>> GradCam(must_not_miss=["melanoma"]).must_not_miss
        ['melanoma']
    """

    def __init__(
        self,
        method: str | None = "grad_cam",
        layer: str | None = None,
        examples_per_class: int = 3,
        must_not_miss: Sequence[str] = (),
    ) -> None:
        if method is not None:
            choose("evaluation.grad_cam.method", method, METHODS)
        self.method = method
        self.layer = layer
        self.examples_per_class = examples_per_class
        self.must_not_miss = list(must_not_miss)

    def explain(self, evidence: Evidence, subject: Subject) -> Finding:
        """Creates the maps in batches on the devices of the model.

        Raises:
            ConfigError: `must_not_miss` names an unknown class, or `layer` no suitable
                layer.
        """
        test = evidence.test
        critical = places_of(self.must_not_miss, test.class_names)
        draft = _Draft(
            test,
            choose_examples(test, self.examples_per_class, critical),
            ReadableImages(subject.test),
        )
        if reason := draft.reader.reason_for_none:
            draft.gaps.append(f"not measured: no image can be shown, because {reason}")
            return draft.finding()
        cam = self._cam(subject, draft)
        draft.show(subject, cam)
        if cam is not None:
            draft.check(subject, cam)
        return draft.finding()

    def _cam(self, subject: Subject, draft: "_Draft") -> CamMaps | None:
        """Creates the function of maps, or returns None and adds a gap."""
        if self.method is None:
            return None
        try:
            graph = FlatGraph(subject.model)
            layer = find_layer(graph, self.layer)
        except NoGraphError as error:
            draft.gaps.append(f"not measured: heat maps, because {error}")
            return None
        cam = CamMaps(graph, layer, self.method)
        draft.values |= {
            "method": self.method,
            "layer": layer.path,
            "gradient_of": "score before softmax"
            if cam.is_of_logits
            else "log probability",
        }
        if graph.is_bypassed(layer):
            draft.warnings.append(
                f"Some inputs of the head bypass {layer.path}, so its maps show only part "
                "of the evidence."
            )
        return cam


class _Draft:
    """A finding under construction."""

    def __init__(self, test: Labeled, examples: Examples, reader: ReadableImages) -> None:
        self.reader = reader
        self.values: dict[str, Any] = missed_values(test, examples)
        self.conclusions = missed_words(test, examples)
        self.warnings: list[str] = []
        self.gaps = gaps_of(test, examples)
        self._test = test
        self._examples = examples
        self._panels: list[Panel] = []

    def show(self, subject: Subject, cam: CamMaps | None) -> None:
        """Creates the panels, with maps if possible."""
        shown = {each.row: each for each in self._examples.shown}
        agreement: list[npt.NDArray[Any]] = []
        changed: list[int] = []
        maps: Any = None
        for rows, images in self.reader.chunks(np.array(list(shown), np.int64)):
            if cam is not None:
                maps, check, outputs = subject.run(
                    cam.of_classes, images, self._pairs(rows), *subject.columns(rows)
                )
                agreement.append(rank_correlations(maps[:, 0], check))
                moved = np.abs(outputs - self._test.probabilities[rows]).max(axis=1)
                changed += rows[moved > _TOLERANCE].tolist()
            for place, row in enumerate(rows.tolist()):
                own = None if maps is None else maps[place]
                self._panels.append(panel(self._test, shown[row], images[place], own))
        if agreement:
            self._note_maps(np.concatenate(agreement), maps.shape[2:])
            self._note_changed(changed)

    def check(self, subject: Subject, cam: CamMaps) -> None:
        """Measures whether maps change if the head has random weights."""
        if not cam.kernels:
            self.gaps.append(
                "not measured: whether the maps depend on the head, because no later layer "
                "has weights; set evaluation.grad_cam.layer to an earlier layer"
            )
            return
        rows = spread_over_classes(self._test.labels, CHECKED_IMAGES)
        maps = [
            subject.run(
                cam.of_random_heads,
                images,
                self._pairs(own)[:, 0],
                *subject.columns(own),
            )
            for own, images in self.reader.chunks(rows)
        ]
        if maps:
            self._note_check(check_head(np.concatenate(maps)))

    def finding(self) -> Finding:
        """Returns the complete finding."""
        names = self._test.names
        tables = missed_tables(self._test, self._examples) + self.reader.tables(names)
        return Finding(
            TITLE,
            EXPLANATION,
            self.values,
            self.conclusions,
            self.warnings,
            [*self.gaps, *self.reader.gaps(names)],
            tables,
            panels=self._panels,
        )

    def _pairs(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        """Returns predicted and true classes, `(rows, 2)`."""
        predicted = self._test.predicted[rows].astype(np.int32)
        return np.stack([predicted, self._test.labels[rows]], axis=1)

    def _note_maps(self, agreement: npt.NDArray[Any], cells: Sequence[int]) -> None:
        known = agreement[np.isfinite(agreement)]
        median = float(np.median(known)) if len(known) else None
        if median is not None:
            other = _OTHER[self.values["method"]]
            self.conclusions.append(
                f"The maps have a rank correlation of {median:.2f} with those of {other}, "
                f"the median over {len(known)} images."
            )
        self.values |= {
            "images": len(agreement),
            "cells": list(map(int, cells)),
            "agreement_with_other_method": {
                "correlations": [round(float(each), 6) for each in known],
                "median": median,
            },
        }
        if min(cells) < _FEW_CELLS:
            self.warnings.append(
                f"The maps have only {cells[0]} x {cells[1]} cells and show no detail. Use "
                "a larger data.image_size, or set evaluation.grad_cam.layer to an earlier "
                "layer."
            )

    def _note_changed(self, changed: Sequence[int]) -> None:
        if changed:
            files = some((str(self._test.names[row]) for row in changed), 50)
            self.warnings.append(
                f"For {counted(len(changed), 'image')}, the model now returns different "
                f"probabilities than when scored: {files}. Have the images or the model "
                "changed since?"
            )

    def _note_check(self, check: HeadCheck) -> None:
        self.values["head_check"] = check.values()
        if check.problem:
            self.gaps.append(
                "not measured: whether the maps depend on what the head has learned, "
                f"because {check.problem}"
            )
            return
        found = (
            f"the rank correlation with maps of random heads is {check.median:.2f}, the "
            f"median over {len(check.correlations)} images"
        )
        if check.is_passed:
            words = f"The maps depend on what the head has learned: {found}, below {BOUND}."
            self.conclusions.append(words)
        else:
            words = (
                f"The maps do not depend on what the head has learned: {found}, and not "
            )
            self.warnings.append(f"{words}below {BOUND}. Do not read them as explanations.")
