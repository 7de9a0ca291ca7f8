"""`keraunos doctor`: show what this machine can train on."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from ...core.errors import ConfigError, message
from ..batch_sizes import show_batch_sizes
from ..console import show
from ..selftest import run_selftest
from ..tensorflow import load_tensorflow

MINUTES = 5.0


def doctor(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[CONFIG... [KEY=VALUE...]]",
            help="With --batch-size: what to train, like the arguments of `keraunos fit`.",
            show_default=False,
        ),
    ] = None,
    selftest: Annotated[
        bool,
        typer.Option(
            "--selftest", help="Verify the promises of the README on this machine instead."
        ),
    ] = False,
    minutes: Annotated[
        float | None,
        typer.Option(min=1, help="Maximum duration of the self-test; 5 by default."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="New file for the JSON of the self-test; by default in the current "
            "folder.",
        ),
    ] = None,
    batch_size: Annotated[
        bool,
        typer.Option(
            "--batch-size",
            help="Measure instead which batch sizes of CONFIG fit into memory, and how "
            "fast they are.",
        ),
    ] = False,
    memory_limit_gib: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Memory limit for --batch-size; by default 90% of what is available.",
        ),
    ] = None,
) -> None:
    """Show versions, devices and folders, and any problems with them."""
    if batch_size:
        show_batch_sizes(arguments or [], memory_limit_gib)
        return
    if arguments or memory_limit_gib is not None:
        raise ConfigError(
            message(
                "A configuration and `--memory-limit-gib` are for `--batch-size`.",
                "Add it.",
                arguments=arguments or [],
                memory_limit_gib=memory_limit_gib,
            )
        )
    if selftest:
        run_selftest(MINUTES if minutes is None else minutes, output)
        return
    given = {"minutes": minutes, "output": None if output is None else str(output)}
    for name, value in given.items():
        if value is not None:
            raise ConfigError(
                message(f"`--{name}` is for `--selftest`.", "Add it.", **{name: value})
            )
    show_machine()


def show_machine() -> None:
    """Shows versions, devices and folders, and any problems with them."""
    load_tensorflow()
    import tensorflow as tf

    from ...core.errors import KeraunosError
    from ...core.shared_store import open_store
    from ...strategies import find_devices
    from ...trainer.checkpoint.run_directory import describe_environment

    environment = describe_environment()
    show(f"python {environment['python']} on {environment['platform']}")
    for name, version in environment["versions"].items():
        show(f"{name} {version}")
    build: Any = tf.sysconfig.get_build_info()
    show(f"TensorFlow was built for CUDA: {build.get('cuda_version') or 'no'}")
    for kind in ("GPU", "CPU"):
        found = tf.config.list_physical_devices(kind)
        show(f"{kind}s that TensorFlow sees: {len(found)}")
    checks: dict[str, Callable[[], str]] = {
        "bytecode of TensorFlow": lambda: _bytecode_of(Path(tf.__file__)),
        "devices of a run": lambda: ", ".join(find_devices().names),
        "cache": lambda: str(open_store().directory),
    }
    for what, look in checks.items():
        try:
            show(f"{what}: {look()}")
        except KeraunosError as error:
            show(f"{what}: {error}")


def _bytecode_of(module: Path) -> str:
    """Returns where the bytecode of an imported package is, or how to write it."""
    cached = Path(importlib.util.cache_from_source(str(module)))
    if cached.exists():
        return str(cached.parent)
    return (
        "none, so that every process compiles all modules again, for some 8 s of CPU; "
        f"to write it: python -m compileall -q {module.parents[1]}"
    )
