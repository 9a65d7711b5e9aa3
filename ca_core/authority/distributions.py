"""What exactly is installed: a digest of a distribution, and proof that its files are still that.

Two installations of one wheel have the same digest, whoever installed them, with whatever tool.
Nothing is imported. Who may write into ``site-packages`` may write anything there, this program
included: the proof is against mistakes and stale passports, not against that user.

Source: PyPA, "Recording installed projects"; PEP 376, PEP 610, PEP 627.
"""

import base64
import csv
import hashlib
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec, all_suffixes
from importlib.util import source_from_cache
from pathlib import Path, PurePosixPath

from ca_core.errors import ConfigError

_INSTALLERS = re.compile(
    r"[^/]+\.dist-info/"
    r"(RECORD|RECORD\.jws|RECORD\.p7s|INSTALLER|REQUESTED|direct_url\.json|uv_[a-z]+\.json)\Z"
)
"""What an installer writes: it differs from one installation of a wheel to another."""

_CACHED = re.compile(r"(.*/)?__pycache__/[^/]+\.pyc\Z")

_INITS = tuple(f"/__init__{suffix}" for suffix in all_suffixes())
"""How the file ends that makes a folder a package: source, compiled, or an extension module."""

_HASHES = ("sha256", "sha384", "sha512")
"""PEP 376 and the wheel format ask for SHA-256 or better."""

INSTALL_THE_WHEEL = "build the wheel and install that: `pip install ca_provider_….whl`"


@dataclass(frozen=True, slots=True, order=True)
class RecordedFile:
    """One row of a RECORD that counts.

    Attributes:
        path: relative to the folder of installation, ``/`` between parts.
        digest: ``algorithm=`` and the hash, base64url without padding.
        size: in bytes, decimal; may be empty.
    """

    path: str
    digest: str
    size: str

    @property
    def line(self) -> str:
        """Return the row as it enters the distribution's digest."""
        return f"{self.path},{self.digest},{self.size}\n"


def installed_digest(distribution: metadata.Distribution, *, module: str) -> str:
    """Return the digest of an installed distribution, 64 hex digits, after proving its files.

    1. It is no editable installation: those have no files of their own.
    2. Its RECORD is read. Rows that count are all but: what an installer writes into
       ``*.dist-info`` (RECORD and its signatures, INSTALLER, REQUESTED, ``direct_url.json``,
       ``uv_*.json``), caches (``__pycache__/*.pyc``), and rows that lead out of the folder of
       installation (scripts, whose first line names this machine's interpreter). Every row that
       counts has a hash, SHA-256 or better, and no path stands there twice. A cache that has a
       hash came with the wheel, and is refused.
    3. Every file has the hash and the size that its row says.
    4. No package of it holds code that RECORD does not list; a cache of a recorded source is none.
    5. What the import system would load for ``module`` and the packages around it, and for every
       top-level name in RECORD, is a recorded file.
    6. The digest is SHA-256 over the rows that count, sorted by path, each as
       ``path,hash,size`` and a line feed, in UTF-8.

    Args:
        distribution: as ``importlib.metadata`` finds it.
        module: of the entry point, without its attribute.

    Raises:
        ConfigError: one of these does not hold; says which file.
    """
    where = _name_of(distribution)
    _refuse_editable(distribution, where)  # 1
    rows = recorded_files(distribution)  # 2
    folder = Path(str(distribution.locate_file("")))
    for row in rows:
        _check_file(folder / row.path, row, where)  # 3
    paths = {row.path for row in rows}
    for path in _unlisted(folder, paths):  # 4
        raise ConfigError(f"{path} is code that its RECORD does not list", where=where)
    for name in {module, *_top_levels(paths)}:
        _check_import(name, folder, paths, where)  # 5
    return digest_of(rows)  # 6


def digest_of(rows: Iterable[RecordedFile]) -> str:
    """Return SHA-256 over rows, sorted by path, 64 hex digits."""
    return hashlib.sha256("".join(row.line for row in sorted(rows)).encode()).hexdigest()


def recorded_files(distribution: metadata.Distribution) -> tuple[RecordedFile, ...]:
    """Return the rows of the RECORD that count, sorted; the rule is in ``installed_digest``.

    Raises:
        ConfigError: there is no RECORD, or it cannot be understood.
    """
    where = _name_of(distribution)
    try:
        text = distribution.read_text("RECORD")
        rows = sorted(_counting(text or "", where))
    except (csv.Error, UnicodeDecodeError):
        raise ConfigError("its RECORD cannot be understood", where=where) from None
    if not text:
        raise ConfigError("it has no RECORD of its files", where=where, hint=INSTALL_THE_WHEEL)
    paths = [row.path for row in rows]
    if len(set(paths)) != len(paths):
        raise ConfigError("its RECORD lists a file twice", where=where, hint=INSTALL_THE_WHEEL)
    return tuple(rows)


def _counting(text: str, where: str) -> Iterator[RecordedFile]:
    for row in csv.reader(text.splitlines()):
        if len(row) != 3:  # noqa: PLR2004 - path, hash, size
            raise ConfigError("its RECORD cannot be understood", where=where)
        path, digest, size = row
        if _CACHED.match(path) and digest:
            raise ConfigError(f"its wheel brings {path}, a cache that nobody reads", where=where)
        if _is_local(path) and not _INSTALLERS.match(path) and not _CACHED.match(path):
            if digest.partition("=")[0] not in _HASHES:
                raise ConfigError(f"its RECORD has no sound hash of {path}", where=where)
            yield RecordedFile(path, digest, size)


def _is_local(path: str) -> bool:
    parts = PurePosixPath(path)
    return not parts.is_absolute() and ".." not in parts.parts


def _name_of(distribution: metadata.Distribution) -> str:
    return f"{distribution.name} {distribution.version}"


def _refuse_editable(distribution: metadata.Distribution, where: str) -> None:
    try:
        origin = json.loads(distribution.read_text("direct_url.json") or "{}")
        editable = origin.get("dir_info", {}).get("editable", False)
    except (ValueError, AttributeError, RecursionError):
        raise ConfigError("its direct_url.json cannot be understood", where=where) from None
    if editable:
        fault = "an editable installation has no files of its own, so nothing can be stated of it"
        raise ConfigError(fault, where=where, hint=INSTALL_THE_WHEEL)


def _check_file(path: Path, row: RecordedFile, where: str) -> None:
    algorithm, _, wanted = row.digest.partition("=")
    if not path.is_file():
        raise ConfigError(f"{row.path} is missing", where=where, hint=INSTALL_THE_WHEEL)
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, algorithm).digest()
            size = file.tell()
    except OSError as error:
        raise ConfigError(f"{row.path}: {error.strerror}", where=where) from None
    encoded = base64.urlsafe_b64encode(found).rstrip(b"=").decode()
    if encoded != wanted or row.size not in {"", str(size)}:
        fault = f"{row.path} was changed since it was installed"
        raise ConfigError(fault, where=where, hint="install it anew")


def _unlisted(folder: Path, paths: set[str]) -> Iterator[str]:
    """Yield code below the packages of this distribution that it does not list.

    A folder without a recorded ``__init__`` may be shared with other distributions.
    """
    packages = {path.rpartition("/")[0] for path in paths if path.endswith(_INITS)}
    outermost = {one for one in packages if not _parents(one) & packages}
    for package in sorted(outermost):
        for parent, folders, files in os.walk(folder / package):
            here = Path(parent).relative_to(folder).as_posix()
            links = [name for name in folders if (Path(parent) / name).is_symlink()]
            yield from (f"{here}/{name}" for name in links)
            yield from (f"{here}/{name}" for name in files if _is_unlisted(here, name, paths))


def _parents(path: str) -> set[str]:
    return {str(parent) for parent in PurePosixPath(path).parents}


def _is_unlisted(here: str, name: str, paths: set[str]) -> bool:
    path = f"{here}/{name}"
    is_code = name.endswith(tuple(all_suffixes()))
    return is_code and path not in paths and not _is_cache(path, paths)


def _is_cache(path: str, sources: set[str]) -> bool:
    """Say whether a file is the compiled form of a source; else ``__pycache__`` is a folder too."""
    try:
        return bool(_CACHED.match(path)) and source_from_cache(path) in sources
    except ValueError:  # its name is not one that Python would give a cache
        return False


def _top_levels(paths: set[str]) -> Iterator[str]:
    """Yield the names that importing finds at the top of the folder, as RECORD has them."""
    for path in paths:
        name, _, rest = path.partition("/")
        if f"/{rest}" in _INITS:
            yield name
        elif not rest and name.endswith((".py", *EXTENSION_SUFFIXES)):
            yield name.partition(".")[0]


def _check_import(module: str, folder: Path, paths: set[str], where: str) -> None:
    files = {os.path.realpath(folder / path) for path in paths}
    for spec in _specs_of(module):
        if _is_shared(spec):
            continue
        if spec is None or os.path.realpath(spec.origin or "") not in files:
            found = spec.origin if spec and spec.origin else "nowhere"
            raise ConfigError(
                f"module {spec.name if spec else module} comes from {found}, "
                "which is no file of this distribution",
                where=where,
                hint=INSTALL_THE_WHEEL,
            )


def _specs_of(module: str) -> Iterator[ModuleSpec | None]:
    """Yield where the import system would find the packages around a module, and it, last.

    None stands for what is not found. Unlike ``find_spec``, this imports nothing.
    """
    path, name = None, ""
    for part in module.split("."):
        name = f"{name}.{part}" if name else part
        spec = _found(name, path)
        if spec is None or name == module:
            yield None if _is_shared(spec) else spec
            return
        yield spec
        path = spec.submodule_search_locations or []


def _found(name: str, path: Sequence[str] | None) -> ModuleSpec | None:
    try:
        found = (finder.find_spec(name, path) for finder in sys.meta_path)
        return next((one for one in found if one is not None), None)
    except (KeyError, ValueError):  # no name, or a namespace package within another: to find that,
        return None  # its parent would have to be imported


def _is_shared(spec: ModuleSpec | None) -> bool:
    """Say whether it is a folder without a file of its own, a namespace package."""
    return spec is not None and spec.origin is None and spec.loader is None
