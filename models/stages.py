"""Finds the stages of a network in its graph.

A stage of a convolutional network lies between two halvings of the resolution, such as
conv2 to conv5 of a ResNet. Layers with a common numbered prefix stay together if a block
halves the resolution at its end. A stage of a transformer is one of its blocks. Other
networks are split by numbered prefixes, or else after each layer with a kernel.
"""

import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import keras

from .graph_units import Unit, find_units
from .keras_graph import leaf_layers

# `conv2_block1_add`: conv2; `block6a_expand`: block6; not the 2 of `my_conv2d_5`.
_NUMBERED = re.compile(r"(.*?(?<!\d)\d+)(?=[a-z]?_)(?!d_)")
_NORMS = (
    keras.layers.LayerNormalization,
    keras.layers.RMSNormalization,
    keras.layers.BatchNormalization,
    keras.layers.GroupNormalization,
)
STEM, HEAD = "stem", "head"

Places = dict[Unit, int]


@dataclass(frozen=True)
class NetworkStage:
    """Consecutive layers of a network.

    Attributes:
        name: The common prefix of their names, the name of the first, `stem` or `head`.
        layers: The layers with weights, from input to output, including nested layers.
        is_head: Whether they follow the last feature map.
    """

    name: str
    layers: tuple[keras.Layer, ...]
    is_head: bool = False


def find_stages(model: keras.Model) -> tuple[NetworkStage, ...] | None:
    """Groups the layers with weights of a model into stages.

    Args:
        model: A backbone, or a model with one, built.

    Returns:
        The stages from input to output, or None if the order is unknown, as in a subclassed
        model.

    Example:
        >>> network = keras.applications.ResNet50(
        ...     include_top=False, weights=None, input_shape=(64, 64, 3))
        >>> [stage.name for stage in find_stages(network)]
        ['conv1', 'conv2', 'conv3', 'conv4', 'conv5']
    """
    units = find_units(model)
    if not units:
        return None
    body, head = _without_head(units)
    stages = _name_stages(body, _places(body)) if body else []
    if head:
        stages.append(NetworkStage(HEAD, tuple(unit.layer for unit in head), is_head=True))
    return tuple(stages)


def _without_head(units: Sequence[Unit]) -> tuple[list[Unit], list[Unit]]:
    """Splits units after the last feature map, or else before the last kernel."""
    body = [unit for unit in units if not unit.is_vector]
    if not body:
        last = max(unit.depth for unit in units)
        body = [unit for unit in units if unit.depth < last]
    return body, [unit for unit in units if unit not in body]


def _places(units: Sequence[Unit]) -> Places:
    """Numbers the stages of units, with the first method that finds several in order."""
    methods: tuple[tuple[Callable[[Sequence[Unit]], Places], int], ...] = (
        (_by_resolution_and_prefix, 3),
        (_by_resolution, 3),
        (_by_block, 2),
        (_by_prefix, 2),
        (_by_resolution, 2),
    )
    for method, least in methods:
        places = _from_first_kernel(method(units))
        if len(set(places.values())) >= least and _are_in_order(places):
            return places
    return _from_first_kernel({unit: unit.depth for unit in units})


def _from_first_kernel(places: Places) -> Places:
    """Merges layers that only normalize inputs into the stage of the first kernel."""
    first = min((place for unit, place in places.items() if unit.depth), default=0)
    return {unit: max(place, first) for unit, place in places.items()}


def _are_in_order(places: Places) -> bool:
    return all(
        places[before] <= place
        for unit, place in places.items()
        for before in unit.feeds_on
        if before in places
    )


def _by_resolution(units: Sequence[Unit]) -> Places:
    levels = [unit.level for unit in units if unit.level is not None]
    last = max(levels, default=0)
    return {unit: last if unit.level is None else unit.level for unit in units}


def _by_resolution_and_prefix(units: Sequence[Unit]) -> Places:
    """Assigns layers with the same prefix to the resolution of most of them.

    Except for layers whose resolutions differ by more than those of a block.
    """
    levels = _by_resolution(units)
    prefixes = _prefixes(units)
    found: dict[str, Counter[int]] = {}
    for unit, level in levels.items():
        found.setdefault(prefixes[unit], Counter())[level] += 1
    most = {
        prefix: max(counts, key=lambda level: (counts[level], level))
        for prefix, counts in found.items()
        if prefix and max(counts) - min(counts) <= 1
    }
    return {unit: most.get(prefixes[unit], level) for unit, level in levels.items()}


def _by_block(units: Sequence[Unit]) -> Places:
    """Starts a stage with each layer with attention; the layers before are the stem."""
    place, places = 0, {}
    for number, unit in enumerate(units):
        starts = _has_attention(unit) and not _is_normalized_by(units, number)
        place += starts or _is_normalized_by(units, number + 1)
        places[unit] = place
    return places


def _is_normalized_by(units: Sequence[Unit], number: int) -> bool:
    """Returns whether a unit is attention whose inputs alone the one before normalizes."""
    if not 0 < number < len(units) or "Attention" not in type(units[number].layer).__name__:
        return False
    norm = units[number - 1]
    readers = [unit for unit in units if norm in unit.feeds_on]
    return isinstance(norm.layer, _NORMS) and readers == [units[number]]


def _has_attention(unit: Unit) -> bool:
    return any("Attention" in type(each).__name__ for each in leaf_layers(unit.layer))


def _by_prefix(units: Sequence[Unit]) -> Places:
    """Starts a stage with each numbered prefix; other layers belong to the stage before."""
    numbers: dict[str, int] = {}
    place, places = 0, {}
    for unit, prefix in _prefixes(units).items():
        if prefix:
            place = numbers.setdefault(prefix, len(numbers) + 1)
        places[unit] = place
    return places


def _prefixes(units: Sequence[Unit]) -> dict[Unit, str]:
    """Returns the first numbered part of each name, without the common beginning."""
    words = [[w for name in unit.path for w in name.split("_")] for unit in units]
    columns = (len(set(column)) == 1 for column in zip(*words, strict=False))
    common = sum(itertools.takewhile(bool, columns))
    if any("".join(each[common : common + 1])[:1].isdigit() for each in words):
        common = max(common - 1, 0)  # block_1, block_2: keeps the word before the number
    names = ["_".join(each[common:]) for each in words]
    found = (_NUMBERED.match(name) for name in names)
    return {
        unit: match.group(1) if match else ""
        for unit, match in zip(units, found, strict=True)
    }


def _name_stages(units: Sequence[Unit], places: Places) -> list[NetworkStage]:
    """Creates the named stages; a first one without a prefix is the stem."""
    prefixes = _prefixes(units)
    members: dict[int, list[Unit]] = {}
    for unit in units:
        members.setdefault(places[unit], []).append(unit)
    parts = [members[place] for place in sorted(members)]
    common = [_common_prefix(prefixes[unit] for unit in part) for part in parts]
    own = [part[0].layer.name for part in parts]
    either = [prefix or name for prefix, name in zip(common, own, strict=True)]
    paths = ["_".join(part[0].path) for part in parts]
    names = next((each for each in (either, own) if len(set(each)) == len(each)), paths)
    if not common[0]:
        names = [STEM, *names[1:]]
    return [
        NetworkStage(name, tuple(unit.layer for unit in part))
        for name, part in zip(names, parts, strict=True)
    ]


def _common_prefix(prefixes: Iterable[str]) -> str:
    """Returns the first prefix at least half as frequent as the most frequent, or ""."""
    counts = Counter(prefix for prefix in prefixes if prefix)
    enough = max(counts.values(), default=0) / 2
    return next((prefix for prefix in counts if counts[prefix] >= enough), "")
