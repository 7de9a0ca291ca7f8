"""Selects layers of a frozen backbone to unfreeze."""

import itertools
from collections.abc import Iterable, Sequence

import keras

from ..core.errors import ConfigError, message
from ..core.names import did_you_mean
from .phases import ordered_layers
from .stages import find_stages

Places = list[int]


class FrozenBackbone:
    """The frozen layers with weights of a model, by their indices in `ordered_layers`.

    If a model contains a frozen model, only the layers of the latter count.

    Args:
        model: The model, built.
        unfrozen: Indices of layers that count as frozen although they are now trainable.

    Raises:
        ConfigError: Nothing is frozen.
    """

    def __init__(self, model: keras.Model, unfrozen: Iterable[int] = ()) -> None:
        self._model = model
        self._layers = _frozen_layers(model, set(unfrozen))
        if not self._layers:
            raise ConfigError(
                message(
                    "The model must have a frozen backbone.",
                    "Set backbone.trainable = False when it is built.",
                    model=model.name,
                )
            )

    def whole(self) -> Places:
        """Returns all frozen layers."""
        return list(self._layers)

    def last(self, count: int) -> Places:
        """Returns the last `count` frozen layers."""
        return self.whole()[-count:]

    def behind(self, name: str, setting: str = "unfreeze_from") -> Places:
        """Returns the layers from a layer or a stage to the end.

        Args:
            name: Name of a layer or its beginning, or name of a stage.
            setting: Name of the callback's setting, for the error message.

        Raises:
            ConfigError: There is no such layer or stage.
        """
        places = self.whole()
        for number, place in enumerate(places):
            own = self._layers[place].name
            if own == name or own.startswith(f"{name}_"):
                return places[number:]
        stages = self._stages()
        if name in stages:
            return self._from_stage(name)
        names = [self._layers[place].name for place in places]
        raise ConfigError(
            message(
                f"`callbacks.backbone_finetuning.{setting}` must be a layer with weights, "
                f"the beginning of its name, or a stage; the last layers are {names[-5:]}, "
                f"the stages {[*stages]}.",
                did_you_mean(name, [*names, *stages]),
                **{setting: name},
            )
        )

    def last_stages(self, count: int) -> list[Places]:
        """Returns the layers from the last stage, from the second to last, and so on.

        Raises:
            ConfigError: There are fewer stages, or the order of the layers is unknown.
        """
        stages = self._stages()
        if count > len(stages):
            reason = (
                f"there are {len(stages)}: {', '.join(stages)}"
                if stages
                else "the order of the layers is unknown"
            )
            raise ConfigError(
                message(
                    "`callbacks.backbone_finetuning.stages` must not be larger than the "
                    f"number of stages of the backbone ({reason}).",
                    "List the layers from which to unfreeze instead." if not stages else "",
                    stages=count,
                )
            )
        return [self._from_stage(name) for name in list(stages)[-1 : -count - 1 : -1]]

    def in_turn(self, names: Sequence[str]) -> list[Places]:
        """Returns the layers from each of the named layers or stages to the end.

        Raises:
            ConfigError: One does not exist, or adds no layers to the ones before it.
        """
        found = [self.behind(name, "stages") for name in names]
        for earlier, later in itertools.pairwise(found):
            if not set(earlier) < set(later):
                raise ConfigError(
                    message(
                        "`callbacks.backbone_finetuning.stages` must go from the end of "
                        "the backbone towards its input, each with further layers.",
                        stages=list(names),
                    )
                )
        return found

    def _from_stage(self, name: str) -> Places:
        stages = self._stages()
        names = list(stages)
        later = names[names.index(name) :]
        return sorted(place for each in later for place in stages[each])

    def _stages(self) -> dict[str, Places]:
        """Returns the stages with frozen layers, from input to output; {} if unknown."""
        layers = enumerate(ordered_layers(self._model))
        numbers = {id(layer): place for place, layer in layers}
        found = {
            stage.name: [numbers[id(layer)] for layer in stage.layers]
            for stage in find_stages(self._model) or ()
            if not stage.is_head
        }
        kept = {n: [p for p in each if p in self._layers] for n, each in found.items()}
        return {name: each for name, each in kept.items() if each}


def _frozen_layers(model: keras.Model, unfrozen: set[int]) -> dict[int, keras.Layer]:
    inner = [each for each in model.layers if isinstance(each, keras.Model)]
    within = {id(layer) for each in inner for layer in ordered_layers(each)}
    layers = ordered_layers(model)
    frozen = {
        place: layer
        for place, layer in enumerate(layers)
        if layer.weights and (place in unfrozen or not layer.trainable)
    }
    inside = [place for place in frozen if id(layers[place]) in within]
    between = [place for place in frozen if inside and place < inside[-1]]
    if set(between) <= set(inside) and inside:
        return {place: frozen[place] for place in inside}
    return frozen  # nested models are parts of the backbone
