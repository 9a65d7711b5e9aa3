"""What ``provider verify-passport`` does; imported when it runs."""

from collections import Counter
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ca_core.authority.demand import mismatch, read_passport
from ca_core.authority.distributions import installed_digest
from ca_core.authority.passportkeys import trusted_keys
from ca_core.authority.passports import Passport, Statement, parse_passport, signer_of
from ca_core.config import find_config_file, load_config
from ca_core.contract.plugin import API_VERSION, PROVIDER_GROUP
from ca_core.errors import ConfigError, PluginOrigin

SAME, OTHER, ABSENT = "same", "other", "absent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A passport, and what can be said of it here.

    Attributes:
        passport: as it was read.
        signer: id of the trusted key that signed it, or empty.
        installed: ``same``, ``other``, or ``absent`` if nothing of that name is installed here.
        fault: why it is not the same, or empty.
    """

    passport: Passport
    signer: str
    installed: str
    fault: str

    @property
    def is_valid(self) -> bool:
        """Say whether a trusted key signed it, for this contract, and nothing here contradicts."""
        current = self.passport.statement.contract == API_VERSION
        return bool(self.signer) and current and self.installed != OTHER

    def as_json(self) -> dict[str, Any]:
        """Return what programs get; see ``ca_core.cli.answers``."""
        return {
            "OK": self.is_valid,
            "TrustedKey": self.signer or None,
            "SignedBy": [key_id for key_id, _ in self.passport.signatures],
            "Installed": self.installed,
            "Fault": self.fault,
            "Statement": msgspec.to_builtins(self.passport.statement),
        }

    def facts(self) -> list[tuple[str, str]]:
        """Return what people see."""
        said = self.passport.statement
        counts = Counter(result.outcome for result in said.results)
        notes = [f"{one.id}: {one.outcome}" for one in said.results if one.outcome != "passed"]
        return [
            ("provider", said.provider),
            ("package", f"{said.distribution} {said.version}"),
            ("hash", said.distribution_sha256),
            ("entry point", said.entry_point),
            ("contract version", f"{said.contract} (this core has {API_VERSION})"),
            ("checks of", f"ca-core {said.core}"),
            ("level asked", said.level_asked),
            ("level reached", said.level_reached or "none"),
            ("run at", said.run_at.isoformat()),
            ("keys tried", ", ".join(said.keys)),
            ("outcomes", ", ".join(f"{counts[one]} {one}" for one in sorted(counts))),
            ("not passed", "\n".join(notes) or "none"),
            ("signed by", "\n".join(key_id for key_id, _ in self.passport.signatures)),
            ("trusted", f"yes, by key {self.signer}" if self.signer else "NO: by no trusted key"),
            ("installed here", _INSTALLED[self.installed] + self.fault),
            ("valid", "yes" if self.is_valid else "NO"),
        ]


_INSTALLED = {SAME: "exactly this distribution", OTHER: "NOT this: ", ABSENT: "nothing of it"}


def verified(file: Path, *, keys: tuple[str, ...], config: Path | None) -> Verified:
    """Read a passport and compare it with the trusted keys and with what is installed.

    Args:
        file: of the passport.
        keys: files of public keys; if empty, those of the configuration count.
        config: the configuration file, or None for the usual ones.

    Raises:
        ConfigError: it is no passport, or a key or the configuration cannot be read.
    """
    try:
        passport = parse_passport(read_passport(file))
    except ConfigError as error:
        raise ConfigError(str(error), where=str(file)) from None
    state, fault = _installed(passport.statement)
    return Verified(
        passport=passport,
        signer=signer_of(passport, _trusted(keys, config)),
        installed=state,
        fault=fault,
    )


def _trusted(keys: tuple[str, ...], config: Path | None) -> tuple[Ed25519PublicKey, ...]:
    if keys:
        return trusted_keys(keys, where="--key")
    return trusted_keys(load_config(find_config_file(config)).conformance.trusted_keys)


def _installed(said: Statement) -> tuple[str, str]:
    """Compare a statement with what is installed here; nothing of it is imported."""
    try:
        distribution = metadata.distribution(said.distribution)
    except (metadata.PackageNotFoundError, ValueError):
        return ABSENT, ""
    try:
        entry = _entry(distribution, said.provider)
        digest = installed_digest(distribution, module=entry.module)
    except ConfigError as error:
        return OTHER, str(error)
    origin = PluginOrigin(
        name=entry.name,
        distribution=distribution.name,
        version=distribution.version,
        entry_point=entry.value,
    )
    fault = mismatch(said, origin=origin, digest=digest)
    return (OTHER, fault) if fault else (SAME, "")


def _entry(distribution: metadata.Distribution, name: str) -> metadata.EntryPoint:
    for entry in distribution.entry_points:
        if entry.group == PROVIDER_GROUP and entry.name == name:
            return entry
    raise ConfigError(f"{distribution.name} offers no provider {name!r}")
