"""`keraunos doctor`: what this machine has to train on."""

from collections.abc import Callable
from typing import Any

from ..console import show
from ..tensorflow import load_tensorflow


def doctor() -> None:
    """Show versions, devices and folders, and what is wrong with them."""
    load_tensorflow()
    import tensorflow as tf

    from ...core.errors import KeraunosError
    from ...core.store import open_store
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
        "devices of a run": lambda: ", ".join(find_devices().names),
        "cache": lambda: str(open_store().directory),
    }
    for what, look in checks.items():
        try:
            show(f"{what}: {look()}")
        except KeraunosError as error:
            show(f"{what}: {error}")
