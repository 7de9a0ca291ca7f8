"""Suggests settings, written as the reader of an error sets them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

# Constructors of sections; the settings of others are arguments of what reads the data.
_CONSTRUCTORS = {
    "augmentation": "Augmentation",
    "optimizer": "Optimizer",
    "trainer": "Trainer",
}


@dataclass(frozen=True)
class Suggestion:
    """A sentence that suggests settings.

    Attributes:
        before: The sentence up to the settings.
        settings: The suggested values by setting, such as `{"data.on_leak": "drop"}`.
        after: The rest of the sentence.

    Example:
        >>> settings = {"data.on_conflict": "drop", "trainer.check_replicas": False}
        >>> suggestion = Suggestion("Try", settings, "to continue.")
        >>> suggestion.as_settings()
        'Try data.on_conflict=drop trainer.check_replicas=false to continue.'
        >>> suggestion.as_arguments()
        'Try on_conflict="drop", Trainer(check_replicas=False) to continue.'
    """

    before: str
    settings: Mapping[str, object] = field(default_factory=dict)
    after: str = ""

    def as_settings(self) -> str:
        """Returns the sentence with settings as on the command line."""
        return self._sentence(
            " ".join(f"{name}={_in_yaml(value)}" for name, value in self.settings.items())
        )

    def as_arguments(self) -> str:
        """Returns the sentence with settings as arguments in Python."""
        return self._sentence(
            ", ".join(_argument(name, value) for name, value in self.settings.items())
        )

    def _sentence(self, settings: str) -> str:
        is_close = self.after.startswith((".", ",", ";", ":"))
        rest = self.after if is_close or not self.after else f" {self.after}"
        return f"{self.before} {settings}{rest}".strip()


def _in_yaml(value: object) -> str:
    if isinstance(value, list):  # without spaces, which would end the word in a shell
        return f"[{','.join(map(_in_yaml, value))}]"
    return value if isinstance(value, str) else json.dumps(value)


def _argument(setting: str, value: object) -> str:
    section, _, name = setting.rpartition(".")
    argument = f"{name}={_in_python(value)}"
    constructor = _CONSTRUCTORS.get(section)
    return f"{constructor}({argument})" if constructor else argument


def _in_python(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_in_python, value))}]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
