"""The folder of a new distribution, written whole or not at all."""

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ca_core.errors import ConfigError, ConflictError

METHOD = "sign_leaf"
"""The method that an author rewrites first."""


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file; shown as ``file:line``."""

    file: Path
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


def write_folder(folder: Path, files: Mapping[str, str]) -> None:
    """Write ``files`` below ``folder``, which appears when all of them are there.

    Raises:
        ConflictError: the folder exists.
        ConfigError: it cannot be written.
    """
    if os.path.lexists(folder):
        raise ConflictError(
            f"{folder} exists",
            field="NAME",
            hint="choose another name, or another place with --directory",
        )
    try:
        _write(folder, files)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise ConfigError(reason, where=str(error.filename or folder)) from None


def method_to_edit(folder: Path, files: Mapping[str, str]) -> Place:
    """Return where the provider signs leaves."""
    for path, text in files.items():
        for number, line in enumerate(text.splitlines(), 1):
            if line.lstrip().startswith(f"def {METHOD}("):
                return Place(folder / path, number)
    raise AssertionError(f"no {METHOD} in the template")


def _write(folder: Path, files: Mapping[str, str]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    growing = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        growing.chmod(0o755)
        for path, text in files.items():
            file = growing / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        growing.rename(folder)
    except BaseException:
        shutil.rmtree(growing, ignore_errors=True)
        raise
