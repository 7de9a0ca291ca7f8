"""The stages of a network, told from its graph.

A stage of a convolutional network is what lies between two halvings of the resolution:
conv2 to conv5 of a ResNet. Layers with a common numbered prefix stay together, where a
block halves the resolution at its end. A stage of a transformer is one of its blocks.
Networks that are neither are parted by numbered prefixes, or else after each layer with
a kernel.
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
    """Layers that come after each other.

    Attributes:
        name: A common prefix of their names, the name of the first, `stem` or `head`.
        layers: Those with weights, from input to output. What is within them counts too.
        is_head: Whether they are what comes after the last feature map.
    """

    name: str
    layers: tuple[keras.Layer, ...]
    is_head: bool = False


def find_stages(model: keras.Model) -> tuple[NetworkStage, ...] | None:
    """Parts the layers with weights of a model into stages.

    Args:
        model: A backbone, or a model around one. Built.

    Returns:
        From input to output, each layer in one stage; None if the order can't be told,
        as in a subclassed model.

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
    stages = _named(body, _places(body)) if body else []
    if head:
        stages.append(NetworkStage(HEAD, tuple(unit.layer for unit in head), is_head=True))
    return tuple(stages)


def _without_head(units: Sequence[Unit]) -> tuple[list[Unit], list[Unit]]:
    """What comes up to the last feature map, or else all but the last kernel; the rest."""
    body = [unit for unit in units if not unit.is_vector]
    if not body:
        last = max(unit.depth for unit in units)
        body = [unit for unit in units if unit.depth < last]
    return body, [unit for unit in units if unit not in body]


def _places(units: Sequence[Unit]) -> Places:
    """The number of each unit's stage, by the first way that leads to several in order."""
    ways: tuple[tuple[Callable[[Sequence[Unit]], Places], int], ...] = (
        (_by_resolution_and_prefix, 3),
        (_by_resolution, 3),
        (_by_block, 2),
        (_by_prefix, 2),
        (_by_resolution, 2),
    )
    for way, least in ways:
        places = _from_first_kernel(way(units))
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
    """Keeps layers of one prefix at the resolution that most of them have.

    Not if they are spread wider than a block could be.
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
    """A stage for each layer with attention, and what follows it; before it the stem."""
    place, places = 0, {}
    for number, unit in enumerate(units):
        starts = _has_attention(unit) and not _is_normalized_by(units, number)
        place += starts or _is_normalized_by(units, number + 1)
        places[unit] = place
    return places


def _is_normalized_by(units: Sequence[Unit], number: int) -> bool:
    """Whether a unit is bare attention and the one before it normalizes its inputs only."""
    if not 0 < number < len(units) or "Attention" not in type(units[number].layer).__name__:
        return False
    norm = units[number - 1]
    readers = [unit for unit in units if norm in unit.feeds_on]
    return isinstance(norm.layer, _NORMS) and readers == [units[number]]


def _has_attention(unit: Unit) -> bool:
    return any("Attention" in type(each).__name__ for each in leaf_layers(unit.layer))


def _by_prefix(units: Sequence[Unit]) -> Places:
    """A stage for each numbered prefix; layers without one belong to what is before."""
    numbers: dict[str, int] = {}
    place, places = 0, {}
    for unit, prefix in _prefixes(units).items():
        if prefix:
            place = numbers.setdefault(prefix, len(numbers) + 1)
        places[unit] = place
    return places


def _prefixes(units: Sequence[Unit]) -> dict[Unit, str]:
    """The first numbered part of each name, without what all names have in common."""
    words = [[w for name in unit.path for w in name.split("_")] for unit in units]
    columns = (len(set(column)) == 1 for column in zip(*words, strict=False))
    common = sum(itertools.takewhile(bool, columns))
    if any("".join(each[common : common + 1])[:1].isdigit() for each in words):
        common = max(common - 1, 0)  # block_1, block_2: the number alone is no name
    names = ["_".join(each[common:]) for each in words]
    found = (_NUMBERED.match(name) for name in names)
    return {
        unit: match.group(1) if match else ""
        for unit, match in zip(units, found, strict=True)
    }


def _named(units: Sequence[Unit], places: Places) -> list[NetworkStage]:
    """Creates the stages; a first one without a prefix is the stem."""
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
    """The first that is not much rarer than the most frequent; empty if there is none."""
    counts = Counter(prefix for prefix in prefixes if prefix)
    enough = max(counts.values(), default=0) / 2
    return next((prefix for prefix in counts if counts[prefix] >= enough), "")
