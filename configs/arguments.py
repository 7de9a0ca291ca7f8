"""Lets constructors take settings as keyword arguments.

A constructor declares `**options: Unpack[TrainerOptions]` for editors and type checkers
(`options.py` is generated from this module). The decorator `takes_settings` shows the names
and their defaults in `help()` and rejects all others.
"""

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast, get_args, get_type_hints

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ..core.deprecations import current_settings
from ..core.errors import ConfigError, message, suggesting_arguments
from ..core.names import did_you_mean
from .augmentation import AugmentationConfig
from .callbacks import CALLBACKS
from .data import DataConfig
from .data_rules import TABLE_ONLY_SETTINGS
from .familiar_arguments import INSTEAD
from .model import ModelConfig
from .problems import validated
from .schema import RunConfig
from .search import SearchConfig
from .trainer import TrainerConfig

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Arguments:
    """The settings of a section that a constructor takes as keyword arguments.

    Attributes:
        section: The section.
        of_run: Settings of the run as a whole that it also takes.
        without: Settings of the section that it takes in a different form, or not at all.
        instead: What to do instead, for settings that it does not take.
        is_positional: Whether the settings may also be passed by position.
    """

    section: type[BaseModel]
    of_run: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    instead: Mapping[str, str] = field(default_factory=dict)
    is_positional: bool = False

    @property
    def path(self) -> str:
        """The dotted name of the section."""
        sections = {each.annotation: n for n, each in RunConfig.model_fields.items()}
        of_callbacks = {each: f"callbacks.{name}" for name, each in CALLBACKS.items()}
        return (sections | of_callbacks)[self.section]

    @property
    def fields(self) -> dict[str, FieldInfo]:
        """The settings by name."""
        left_out = {*self.without, *self.instead}
        own = self.section.model_fields.items()
        return {
            **{name: each for name, each in own if name not in left_out},
            **{name: RunConfig.model_fields[name] for name in self.of_run},
        }


TRAINER = Arguments(
    TrainerConfig,
    of_run=("seed", "feature_cache"),
    without=("strategy",),
    instead={
        **INSTEAD,
        "cpu_devices": "Call keraunos.set_cpu_devices(...) first.",
        "gpu_memory_limit_gib": "Call keraunos.set_gpu_memory_limit(...) first.",
    },
)
TABLE = Arguments(DataConfig, of_run=("task", "seed", "cache_dir"), without=("train",))
FOLDER = Arguments(
    DataConfig,
    of_run=("seed", "cache_dir"),
    without=TABLE.without,
    instead=dict.fromkeys(TABLE_ONLY_SETTINGS, "It is for tables: ImageData.from_csv."),
)
MODEL = Arguments(
    ModelConfig,
    instead=dict.fromkeys(("builder", "arguments"), "Give the builder to Trainer.fit."),
)
AUGMENTATION = Arguments(AugmentationConfig, without=("strength",), is_positional=True)
SEARCH = Arguments(
    SearchConfig,
    without=("objective", "seed"),
    instead={
        "space": "The hypermodel defines what varies.",
        "outer_folds": "They divide images: `keraunos search` has them.",
        "finish": "Train the chosen model with Trainer.fit, or use `keraunos search`.",
    },
)
CALLBACK_ARGUMENTS = {
    name: Arguments(section, is_positional=True) for name, section in CALLBACKS.items()
}


def takes_settings(arguments: Arguments) -> Callable[[Function], Function]:
    """Decorates a constructor that takes settings as `**options`.

    A setting that the constructor declares itself, such as `monitor` of
    `EarlyStopping("val_loss")`, keeps its place and its default.

    Args:
        arguments: The settings.

    Returns:
        The decorator. Called with a name that is not an argument, the constructor raises
        a `ConfigError` with the nearest one.
    """

    def decorate(constructor: Function) -> Function:
        signature = _with_settings(inspect.signature(constructor), arguments)
        call = constructor.__qualname__.removesuffix(".__init__")

        @functools.wraps(constructor)
        def checked(*given: Any, **options: Any) -> Any:
            options = current_settings(options, arguments.path)
            _refuse_unknown(call, options, [*signature.parameters][1:], arguments.instead)
            try:
                bound = signature.bind(*given, **options)
            except TypeError as error:
                raise TypeError(f"{call}: {error}") from None
            with suggesting_arguments():
                return constructor(**bound.arguments)

        checked.__signature__ = signature  # type: ignore[attr-defined]
        return cast(Function, checked)

    return decorate


def settings_of(section: str, **options: Any) -> RunConfig:
    """Returns the configuration with the settings that a constructor received.

    Args:
        section: Section of the settings that do not belong to the run as a whole.
        **options: The settings.

    Raises:
        ConfigError: Some settings are invalid; the message lists all of them.

    Example:
        >>> settings_of("trainer", max_epochs=3, seed=1).trainer.max_epochs
        3
    """
    own = RunConfig.model_fields[section].annotation
    inner = {**options}
    of_run = RunConfig.model_fields.keys() - cast(type[BaseModel], own).model_fields.keys()
    outer = {name: inner.pop(name) for name in of_run & options.keys()}
    return validated(RunConfig, **outer, **{section: inner})


def _with_settings(signature: inspect.Signature, arguments: Arguments) -> inspect.Signature:
    """Returns the signature with the settings instead of `**options`."""
    kinds = inspect.Parameter
    kind = kinds.POSITIONAL_OR_KEYWORD if arguments.is_positional else kinds.KEYWORD_ONLY
    *own, options = signature.parameters.values()
    # Of Unpack[TrainerOptions], which lacks a new setting until it is generated again.
    types = get_type_hints(get_args(options.annotation)[0])
    settings = [
        inspect.Parameter(
            name, kind, default=each.get_default(), annotation=types.get(name, Any)
        )
        for name, each in arguments.fields.items()
        if name not in signature.parameters
    ]
    return signature.replace(parameters=sorted([*own, *settings], key=lambda p: p.kind))


def _refuse_unknown(
    call: str, options: Mapping[str, Any], known: list[str], instead: Mapping[str, str]
) -> None:
    unknown = {name: value for name, value in options.items() if name not in known}
    if unknown:
        names = ", ".join(f"`{name}`" for name in unknown)
        remedies = (instead.get(name) or did_you_mean(name, known) for name in unknown)
        remedy = " ".join(filter(None, dict.fromkeys(remedies)))
        raise ConfigError(
            message(
                f"`{call}` has no argument {names}.",
                remedy or f"There are {', '.join(known)}.",
                **unknown,
            )
        )
