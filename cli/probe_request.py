"""Parses the arguments of `keraunos probe`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..configs import RunConfig, load_config, split_arguments, typed_values, varied
from ..core.errors import ConfigError, message
from ..core.names import did_you_mean

HEADS = ("linear", "ridge", "knn")
RECIPE = "classify"
_PROBE_SETTINGS = ("backbones", "heads")


@dataclass(frozen=True)
class ProbeRequest:
    """The backbones to compare, and the heads to fit on each.

    Attributes:
        configs: A configuration per backbone, by name; they differ in `model.backbone`.
        heads: Names of heads.
    """

    configs: dict[str, RunConfig]
    heads: tuple[str, ...]

    @property
    def config(self) -> RunConfig:
        """The configuration of the first backbone; the others differ only in `model`."""
        return next(iter(self.configs.values()))


def read_request(arguments: Sequence[str]) -> ProbeRequest:
    """Parses `backbones=[...]`, `heads=[...]`, and the arguments of `keraunos fit`.

    Raises:
        ConfigError: Arguments are invalid; the message lists all problems.
    """
    sources, overrides = split_arguments(arguments)
    own = [each for each in overrides if each.partition("=")[0] in _PROBE_SETTINGS]
    given = typed_values(own)
    problems: list[str] = []
    backbones = _names("backbones", given.get("backbones"), problems)
    heads = _names("heads", given.get("heads", list(HEADS)), problems)
    problems += [_unknown_head(head) for head in heads if head not in HEADS]
    try:
        common = load_config(
            sources or [RECIPE], [each for each in overrides if each not in own]
        )
        problems += _problems_of(common)
        configs = _config_of_each(common, backbones, problems)
    except ConfigError as error:
        problems.append(str(error))
    if problems:
        raise ConfigError("\n".join(problems))
    return ProbeRequest(configs, tuple(heads))


def _names(name: str, value: Any, problems: list[str]) -> list[str]:
    """Returns a list of distinct names, given as a list or as one name."""
    names = [value] if isinstance(value, str) else value
    is_list = isinstance(names, list) and all(isinstance(each, str) for each in names)
    if is_list and names and len({*names}) == len(names):
        return list(names)
    example = "backbones=[ResNet50,MobileNetV2]" if name == "backbones" else "heads=[ridge]"
    problems.append(
        message(
            f"`{name}` must be a list of distinct names.",
            f"Write {example}.",
            **{name: value},
        )
    )
    return []


def _unknown_head(head: str) -> str:
    remedy = did_you_mean(head, HEADS) or f"There are {', '.join(HEADS)}."
    if head == "cosine":
        remedy = "That head is trained: see `keraunos fit CONFIG model.head=cosine`."
    return message("`heads` must be heads that `probe` fits.", remedy, head=head)


def _problems_of(config: RunConfig) -> list[str]:
    """Returns the settings that `probe` does not support, as messages."""
    if config.task != "classification":
        return [
            message(
                "`probe` fits heads for images of one class each.",
                "Leave task out.",
                task=config.task,
            )
        ]
    if config.model.builder is not None:
        return [
            message(
                "`probe` takes backbones by name.",
                "Leave model.builder out.",
                **{"model.builder": config.model.builder},
            )
        ]
    if config.model.head != "linear":
        return [
            message(
                "`probe` takes its heads from a list.",
                f"Write heads=[{config.model.head}] in place of model.head.",
                **{"model.head": config.model.head},
            )
        ]
    return []


def _config_of_each(
    common: RunConfig, backbones: Sequence[str], problems: list[str]
) -> dict[str, RunConfig]:
    configs = {}
    for name in backbones:
        try:
            configs[name] = varied(common, {"model.backbone": name})
        except ConfigError as error:
            problems.append(str(error))
    return configs
