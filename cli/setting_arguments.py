"""Says what to type in place of an option that is a setting, and of a directory."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..core.errors import ConfigError, message
from ..core.run_layout import CONFIG_FILE
from .examples import WithExamples
from .typed_command import typed


class TakesSettings(WithExamples):
    """A command with `KEY=VALUE` arguments, which explains `--key VALUE`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Refuses options that are settings, then parses as usual."""
        known = {name for each in self.get_params(ctx) for name in each.opts}
        options = args[: args.index("--")] if "--" in args else args
        for place, word in enumerate(options):
            option, _, value = word.partition("=")
            if option.startswith("--") and option not in known:
                self._refuse(option, value or "".join(args[place + 1 : place + 2]))
        return super().parse_args(ctx, args)

    def _refuse(self, option: str, value: str) -> None:
        is_resume = (self.name, option) == ("search", "--resume")
        remedy = _to_resume(Path(value)) if is_resume else self._as_setting(option, value)
        if remedy:
            raise ConfigError(
                message(
                    f"`keraunos {self.name}` has no option {option}.",
                    remedy,
                    **{option: value},
                )
            )

    def _as_setting(self, option: str, value: str) -> str:
        from ..configs.reference import settings_by_name

        name = option.removeprefix("--").replace("-", "_")
        same = [each for each in settings_by_name() if f".{each}".endswith(f".{name}")]
        own = sorted(same, key=lambda each: (_is_foreign(each, self.name), each.count(".")))
        return (
            f"Settings are written KEY=VALUE: {own[0]}={value or 'VALUE'}." if own else ""
        )


def require_no_directories(sources: Sequence[str]) -> None:
    """Checks that no run or search was named in place of a configuration.

    Raises:
        ConfigError: One was; the message has the command that continues it.
    """
    from .run_state import kind_of

    for source in sources:
        directory = Path(source)
        kind = kind_of(directory)
        if kind == "search":
            remedy = _to_resume(directory)
        elif (directory / CONFIG_FILE).is_file():
            again = typed("fit --resume", directory)
            remedy = f"Try `{again}`, or {directory / CONFIG_FILE} for a new run."
        else:
            continue
        raise ConfigError(
            message(
                "A configuration must be a recipe or a YAML file, not the directory of a "
                f"{'search' if kind == 'search' else 'run'}.",
                remedy,
                config=source,
            )
        )


def _is_foreign(setting: str, command: str | None) -> bool:
    """Returns whether a setting is of the search, for `fit`, or is not, for `search`."""
    return setting.startswith("search.") != (command == "search")


def _to_resume(search: Path) -> str:
    from .next_command import command_of_search

    return f"Repeat the command of a search to resume it: `{command_of_search(search)}`."
