"""What help shows beside options: examples of each command, and commands in groups."""

from typing import Any

from typer.core import TyperCommand, TyperGroup

EXAMPLES: dict[str, tuple[str, ...]] = {
    "init": ("keraunos init", "keraunos init lesions.yaml --data lesions"),
    "fit": (
        "keraunos fit quickstart",
        "keraunos fit classify data.train=lesions trainer.max_epochs=20",
        "keraunos fit --resume runs/classify-001",
    ),
    "search": ("keraunos search wide_search data.train=lesions search.max_trials=30",),
    "launch": (
        "keraunos launch --workers 2 -- fit classify data.train=lesions run_dir=runs/two",
    ),
    "recipes": ("keraunos recipes",),
    "config": ("keraunos config classify effort=good", "keraunos config --schema"),
    "backbones": ("keraunos backbones ResNet50 EfficientNetB0",),
    "runs": ("keraunos runs", "keraunos runs runs/classify-search-001"),
    "show": ("keraunos show runs/classify-001",),
    "tensorboard": (
        "keraunos tensorboard",
        "keraunos tensorboard runs/classify-001 runs/classify-002 -- --port 6007",
    ),
    "compare": ("keraunos compare runs/classify-001 runs/classify-002 --paired",),
    "preview": ("keraunos preview classify data.train=lesions",),
    "audit": (
        "keraunos audit lesions --html audit.html",
        "keraunos audit runs/classify-001",
    ),
    "probe": ("keraunos probe data.train=lesions backbones=[ResNet50,EfficientNetB0]",),
    "test": ("keraunos test runs/classify-001", "keraunos test runs/classify-001 --tta 8"),
    "report": ("keraunos report runs/classify-001",),
    "predict": ("keraunos predict runs/classify-001 new_images --output answers.csv",),
    "export": ("keraunos export runs/classify-001 --format onnx,litert",),
    "serve": ("keraunos serve runs/classify-001 --port 8000",),
    "pack": ("keraunos pack lesions packed_lesions",),
    "doctor": ("keraunos doctor", "keraunos doctor --selftest"),
    "benchmark": ("keraunos benchmark runs/classify-001 --batch-sizes 1,32",),
    "cache": ("keraunos cache", "keraunos cache --clear features"),
}

_WHOLE = 1_000  # characters: no first sentence is cut off


class WithExamples(TyperCommand):
    """A command whose help ends with examples, a line each, to be copied whole."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Writes the examples."""
        lines = EXAMPLES.get(self.name or "", ())
        if lines:
            with formatter.section("Examples"):
                for line in lines:
                    formatter.write(f"{'':{formatter.current_indent}}{line}\n")


class InPanels(TyperGroup):
    """A group whose help lists its commands under the headings of their panels."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Writes a section for each panel, in the order of the commands."""
        panels: dict[str, list[tuple[str, Any]]] = {}
        for name in self.list_commands(ctx):
            command: Any = self.get_command(ctx, name)
            if command is not None and not command.hidden:
                panel = command.rich_help_panel or "Commands"
                panels.setdefault(str(panel), []).append((name, command))
        longest = max(len(name) for rows in panels.values() for name, _ in rows)
        for panel, commands in panels.items():
            with formatter.section(panel):
                rows = [
                    (f"{name:{longest}}", each.get_short_help_str(_WHOLE))
                    for name, each in commands
                ]
                formatter.write_dl(rows)
