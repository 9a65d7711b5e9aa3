"""What an operator demands of a provider before it is imported: a passport, by a trusted key."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ca_core.authority.distributions import installed_digest
from ca_core.authority.installed import package_name
from ca_core.authority.passportkeys import trusted_keys
from ca_core.authority.passports import MAX_BYTES, Passport, Statement, parse_passport, signer_of
from ca_core.config.model import Config, ConformanceLevel
from ca_core.contract.plugin import API_VERSION
from ca_core.errors import ConfigError, PluginConformanceError, PluginOrigin

EXEMPT = {"builtin": "ca-core"}
"""Provider → distribution: a part of this program needs no passport; it is judged by its tests."""

UNPROVABLE = {"chaos": "it imports another provider, of which its passport does not speak"}
"""Provider → why no passport admits it."""

PASSPORTS = "passports"
"""Folder of passports, in the data folder of the server unless configured."""

MAX_FILES = 256

_TOLD = 3  # faults in one message; the rest are counted


@dataclass(frozen=True, slots=True, kw_only=True)
class ConformanceDemand:
    """A level, the keys that may vouch for it, and the folder where passports lie.

    Attributes:
        level: the least level that a passport must state.
        keys: whose passports count.
        folder: its ``*.json`` are read each time a provider is about to be imported.
    """

    level: ConformanceLevel
    keys: tuple[Ed25519PublicKey, ...]
    folder: Path

    def admit(self, entry: metadata.EntryPoint | None, origin: PluginOrigin) -> None:
        """Return if the provider may be imported; nothing of it has been.

        Raises:
            PluginConformanceError: it may not; says what is missing and how to make it.
        """
        if EXEMPT.get(origin.name) == origin.distribution:
            return
        fault = UNPROVABLE.get(origin.name) or self._fault(entry, origin)
        if fault:
            raise PluginConformanceError(
                f"has no passport of level {self.level} or more: {fault}",
                origin=origin,
                level=self.level,
                hint=how_to_make(origin.name, self.level, self.folder),
            )

    def _fault(self, entry: metadata.EntryPoint | None, origin: PluginOrigin) -> str:
        if entry is None or entry.dist is None:
            return "it is not installed as a distribution, so no passport can speak of it"
        try:
            digest = installed_digest(entry.dist, module=entry.module)
        except ConfigError as error:
            return str(error)
        faults = []
        for path, passport in self._candidates(origin.name):
            fault = (
                passport
                if isinstance(passport, str)
                else self.fault_of(passport, origin=origin, digest=digest)
            )
            if not fault:
                return ""
            faults.append(f"{path.name}: {fault}")
        return _listed(faults) or f"there is none in {self.folder}"

    def fault_of(self, passport: Passport, *, origin: PluginOrigin, digest: str) -> str:
        """Return why a passport does not admit what is installed, or empty.

        1. One of the trusted keys signed it.
        2. It speaks of this provider, distribution, version and entry point.
        3. It speaks of exactly the files that are installed.
        4. It was made for the contract that this core speaks.
        5. It states the level demanded, or a higher one.
        """
        statement = passport.statement
        if not signer_of(passport, self.keys):  # 1
            return "it is signed by no trusted key"
        about = mismatch(statement, origin=origin, digest=digest)  # 2 and 3
        if about:
            return about
        if statement.contract != API_VERSION:  # 4
            return f"it is for contract version {statement.contract}, this core has {API_VERSION}"
        if statement.level_reached is None or statement.level_reached < self.level:  # 5
            return f"it states level {statement.level_reached or 'none'}"
        return ""

    def _candidates(self, provider: str) -> Iterator[tuple[Path, Passport | str]]:
        """Yield the passports of a provider, and of every file that is none, why."""
        for path in sorted(self.folder.glob("*.json"))[:MAX_FILES]:
            try:
                passport = parse_passport(read_passport(path))
            except ConfigError as error:
                yield path, str(error)
                continue
            if passport.statement.provider == provider:
                yield path, passport


def demand_of(config: Config) -> ConformanceDemand | None:
    """Return what the configuration demands, or None. Reads the key files.

    Raises:
        ConfigError: a trusted key cannot be read, or is none.
    """
    wanted = config.conformance
    if wanted.require_conformance is None:
        return None
    return ConformanceDemand(
        level=wanted.require_conformance,
        keys=trusted_keys(wanted.trusted_keys),
        folder=wanted.passports or config.server.data_dir / PASSPORTS,
    )


def mismatch(statement: Statement, *, origin: PluginOrigin, digest: str) -> str:
    """Return in what a statement and the installed plugin differ, or empty."""
    pairs = (
        ("provider", statement.provider, origin.name),
        ("distribution", package_name(statement.distribution), package_name(origin.distribution)),
        ("version", statement.version, origin.version),
        ("entry point", statement.entry_point, origin.entry_point),
        ("distribution hash", statement.distribution_sha256, digest),
    )
    found = (
        f"it is for {what} {stated}, installed is {here}"
        for what, stated, here in pairs
        if stated != here
    )
    return next(found, "")


def read_passport(path: Path) -> bytes:
    """Return a file's bytes, one more than a passport may have at most.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError((error.strerror or "cannot be read").lower()) from None


def how_to_make(provider: str, level: str, folder: Path) -> str:
    """Return the command that makes the missing passport."""
    return (
        f"`ca-core provider conformance {provider} --config FILE --level {level} "
        f"--passport {folder / provider}.json --sign-key KEY.pem`, then trust that key"
    )


def _listed(faults: list[str]) -> str:
    more = len(faults) - _TOLD
    return "; ".join(faults[:_TOLD]) + (f"; and {more} more" if more > 0 else "")
