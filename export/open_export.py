"""Opens exports from untrusted sources."""

from pathlib import Path

from ..core.errors import ConfigError, message
from ..core.extras import install_command
from .portable.document import parse_document, read_model_document, read_model_files
from .portable.fields import Fields
from .portable.model import Model, ModelFileError
from .portable.runtimes import MissingRuntimeError, open_runtime
from .untrusted.checks import require_harmless


def open_export(directory: Path, threads: int | None = None) -> Model:
    """Opens an export without importing any of its Python files.

    Args:
        directory: Directory of the export.
        threads: See `open_runtime`.

    Raises:
        ConfigError: It is damaged or not an export, and none of its code was run; or the
            package that runs it is not installed.
    """
    try:
        document = read_model_document(directory)
        parse_document(document)
        files = read_model_files(directory, document)
        require_harmless(files.format, files.file)
        return Model(document, open_runtime(files.format, files.file, threads))
    except MissingRuntimeError as error:
        raise ConfigError(
            message(
                str(error),
                f"To use it with Keraunos: {install_command(files.format)}",
                export=str(directory),
            )
        ) from None
    except ModelFileError as error:
        raise _refusal(directory, error) from None


def read_columns(directory: Path) -> tuple[str, ...]:
    """Reads the table columns that an export takes, without opening its model.

    Raises:
        ConfigError: It is damaged or not an export.
    """
    try:
        columns = parse_document(read_model_document(directory)).columns
    except ModelFileError as error:
        raise _refusal(directory, error) from None
    return () if columns is None else columns.names


def read_format(directory: Path) -> str:
    """Reads the format of an export, without opening its model.

    Raises:
        ConfigError: It is damaged or not an export.
    """
    try:
        return Fields(read_model_document(directory)).text("format")
    except ModelFileError as error:
        raise _refusal(directory, error) from None


def _refusal(directory: Path, error: ModelFileError) -> ConfigError:
    return ConfigError(message(str(error), "Export it again.", export=str(directory)))
