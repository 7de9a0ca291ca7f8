"""Colors the state of a run for the terminal."""

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
    """Returns a state as styled text; consoles without colors ignore the style."""
    return Text(state, style=_STYLES.get(state, "dim"))
