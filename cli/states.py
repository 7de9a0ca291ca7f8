"""How the state of a run looks on a terminal."""

from rich.text import Text

_STYLES = {
    "finished": "green",
    "running": "cyan",
    "interrupted": "yellow",
    "unfinished": "yellow",
    "failed": "red",
    "diverged": "red",
    "damaged": "red",
}


def state_text(state: str) -> Text:
    """A state, colored where the terminal has colors and NO_COLOR is not set."""
    return Text(state, style=_STYLES.get(state, "dim"))
