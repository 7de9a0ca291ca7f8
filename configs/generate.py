"""Generates keyword arguments for Python, and the reference page, from the schema.

Run `python -m keraunos.configs.generate` in a clone after changing the schema;
tests/configs/test_generate.py fails until then.
"""

import ast
import json
import re
import textwrap
import types
import typing
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic.fields import FieldInfo

from ..core.files import write_text_atomic
from . import choices
from .arguments import (
    AUGMENTATION,
    CALLBACK_ARGUMENTS,
    FOLDER,
    MODEL,
    SEARCH,
    TABLE,
    TRAINER,
    Arguments,
)
from .augmentation import RandAugmentConfig
from .optimizer import (
    COMMON_OPTIONS,
    OWN_OPTIONS,
    OptimizerConfig,
    ScheduleConfig,
    keras_options,
)
from .reference import Group, groups, summary, whole_type
from .section import AS_TEXT

CALLBACK_FILES = Path(__file__).resolve().parents[1] / "callbacks"  # not the links to them


def own_parameters(source: str, name: str) -> tuple[str, ...]:
    r"""Returns the parameters of a constructor besides `self` and `**options`.

    They are read from the source, because the file imports what is generated here.

    Args:
        source: The text of a Python file.
        name: A class in it. Without it, or without a constructor, there are no parameters.

    Example:
        >>> source = "class Timer:\n    def __init__(self, unit, **options): ..."
        >>> own_parameters(source, "Timer")
        ('unit',)
    """
    found = [
        function.args
        for each in ast.parse(source).body
        if isinstance(each, ast.ClassDef) and each.name == name
        for function in each.body
        if isinstance(function, ast.FunctionDef) and function.name == "__init__"
    ]
    return tuple(arg.arg for each in found for arg in [*each.args[1:], *each.kwonlyargs])


def _callback_options(label: str, arguments: Arguments) -> Arguments:
    """Returns the settings of a callback without those that its constructor declares."""
    file = CALLBACK_FILES / f"{label}.py"
    source = file.read_text() if file.exists() else ""
    name = arguments.section.__name__.removesuffix("Config")
    return replace(arguments, without=own_parameters(source, name))


CLASSES = {
    "ScheduleOptions": Arguments(ScheduleConfig),
    "OptimizerOptions": Arguments(OptimizerConfig, without=("name",)),
    "RandAugmentOptions": Arguments(RandAugmentConfig),
    "AugmentationOptions": AUGMENTATION,
    "FolderOptions": FOLDER,
    "TableOptions": TABLE,
    "ModelOptions": MODEL,
    "TrainerOptions": TRAINER,
    "SearchOptions": SEARCH,
} | {
    each.section.__name__.replace("Config", "Options"): _callback_options(label, each)
    for label, each in CALLBACK_ARGUMENTS.items()
    if each.fields
}
BASES = {"TableOptions": "FolderOptions"}
CHOICES = {each: name for name, each in vars(choices).items() if typing.get_args(each)}
HEADER = '''"""Settings as keyword arguments, for editors and type checkers.

Generated from the schema by `python -m keraunos.configs.generate`; do not edit.
"""

import os
from collections.abc import Sequence
from typing import Literal, Required, TypedDict

'''
PAGE = """# Settings

All settings, by the name that they have in YAML files, on the command line
(`trainer.max_epochs=5`) and as arguments in Python (`Trainer(max_epochs=5)`). Settings of
the run as a whole belong to no section: `seed=1`. `keraunos config quickstart` prints all
settings with their values.

`keraunos config --schema --output keraunos.schema.json` writes a JSON Schema. Editors with
[yaml-language-server](https://github.com/redhat-developer/yaml-language-server) then
complete and validate the settings of a YAML file that begins with this line:

```yaml
# yaml-language-server: $schema=keraunos.schema.json
data:
  train: synthetic:lesions
```

This page is generated from the schema.
"""


def options_file() -> str:
    """Returns the text of configs/options.py."""
    bodies = "".join(_typed_dict(name, each) for name, each in CLASSES.items())
    used = sorted(name for name in CHOICES.values() if re.search(rf"\b{name}\b", bodies))
    imported = "".join(f"    {name},\n" for name in used)
    return f"{HEADER}from .choices import (\n{imported})\n{bodies}"


def reference_page() -> str:
    """Returns the text of docs/settings.md."""
    return PAGE + "".join(map(_chapter, groups())) + _optimizers()


def annotation_source(annotation: Any) -> str:
    """Returns a type as Python source, without limits and validators.

    Example:
        >>> annotation_source(Literal["auto"] | Annotated[int, "at least 1"] | None)
        'Literal["auto"] | int | None'
    """
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation in CHOICES:
        return CHOICES[annotation]
    if origin is Annotated:
        is_path = AS_TEXT in annotation.__metadata__
        return "str | os.PathLike[str]" if is_path else annotation_source(arguments[0])
    if origin is Literal:
        return f"Literal[{', '.join(map(json.dumps, arguments))}]"
    if origin in (typing.Union, types.UnionType):
        return " | ".join(map(annotation_source, arguments))
    if origin is list:
        return f"Sequence[{annotation_source(arguments[0])}]"
    if annotation is type(None):
        return "None"
    return str(annotation.__name__).replace("Config", "Options")


def _typed_dict(name: str, arguments: Arguments) -> str:
    base = BASES.get(name)
    inherited = CLASSES[base].fields if base else {}
    fields = {n: each for n, each in arguments.fields.items() if n not in inherited}
    lines = [
        f"class {name}({base or 'TypedDict'}, total=False):",
        f'    """{summary(arguments.section)}"""',
        "",
        *(_item(*each) for each in fields.items()),
    ]
    if arguments.section is OptimizerConfig:
        lines += [f"    {option}: float | bool | None" for option in keras_options()]
    return "\n\n" + "\n".join(lines) + "\n"


def _item(name: str, field: FieldInfo) -> str:
    kind = annotation_source(whole_type(field))
    kind = f"Required[{kind}]" if field.is_required() else kind
    words = f"{field.description} Default: {_default(field)}."
    lines = textwrap.wrap(f'"""{words}"""', 84)
    return "\n".join([f"    {name}: {kind}", *(f"    {line}" for line in lines)])


def _default(field: FieldInfo) -> str:
    return "none" if field.is_required() else repr(field.get_default())


def _chapter(group: Group) -> str:
    title = f"`{group.name}`" if group.name else "The run"
    lines = ["", f"## {title}", "", group.summary, ""]
    if group.settings:
        lines += ["| Setting | Takes | Default | Meaning |", "| --- | --- | --- | --- |"]
        lines += [
            f"| `{each.name}` | {each.kind} | `{each.default}` | {each.description} |"
            for each in group.settings
        ]
        lines += [""]
    return "\n".join(lines)


def _optimizers() -> str:
    table = {"all of them": COMMON_OPTIONS} | OWN_OPTIONS
    rows = [
        f"| {name} | {', '.join(f'`{option}`' for option in sorted(options))} |"
        for name, options in table.items()
    ]
    return "\n".join(
        [
            "",
            "## Options of Keras optimizers",
            "",
            "They go next to `optimizer.name` and have the defaults of Keras.",
            "",
            "| Optimizer | Options |",
            "| --- | --- |",
            *rows,
            "",
        ]
    )


if __name__ == "__main__":
    write_text_atomic(Path("configs", "options.py"), options_file())
    write_text_atomic(Path("docs", "settings.md"), reference_page())
