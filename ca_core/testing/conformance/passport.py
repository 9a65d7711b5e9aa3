"""From a run to a passport: a statement of what was installed and what its checks found.

The format, and how a passport is judged, are in ``ca_core.authority.passports``.
"""

from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ca_core.authority.distributions import INSTALL_THE_WHEEL, installed_digest
from ca_core.authority.passports import StatedResult, Statement, parse_passport, signed_passport
from ca_core.contract import ConfigError, KeySpec
from ca_core.testing.conformance.catalogue import CHECKS
from ca_core.testing.conformance.results import Report

__all__ = ["provable_digest", "signed_report", "statement_of"]


def provable_digest(distribution: str, entry_point: str) -> str:
    """Return the digest of what is installed; call it before the checks, so as not to run in vain.

    Args:
        distribution: name of the package, or empty.
        entry_point: ``module`` or ``module:attribute``.

    Raises:
        ConfigError: it is not installed from a wheel, or its files are not those of the wheel.
    """
    try:
        found = metadata.distribution(distribution or "-")
    except (metadata.PackageNotFoundError, ValueError):
        fault = "a passport speaks of an installed distribution, and this provider has none"
        raise ConfigError(fault, where="--passport", hint=INSTALL_THE_WHEEL) from None
    return installed_digest(found, module=entry_point.partition(":")[0].strip())


def statement_of(report: Report, *, digest: str, keys: Iterable[KeySpec]) -> Statement:
    """Return what a passport of this run states.

    Args:
        report: of a run of every check up to its level.
        digest: by ``provable_digest``, taken before the run.
        keys: that the checks were run with.

    Raises:
        ConfigError: checks were left out, no level was reached, or the files changed meanwhile.
    """
    _refuse_incomplete(report)
    if provable_digest(report.distribution, report.entry_point) != digest:
        raise ConfigError("the distribution was changed while its checks ran", where="--passport")
    named: dict[str, Any] = {
        "level_asked": report.level.name,
        "level_reached": None if report.reached is None else report.reached.name,
    }
    return Statement(
        **named,
        provider=report.provider,
        distribution=report.distribution,
        version=report.version,
        distribution_sha256=digest,
        entry_point=report.entry_point,
        contract=report.contract,
        core=report.core,
        run_at=report.started.replace(microsecond=0),
        keys=tuple(str(key) for key in keys),
        results=_stated(report),
    )


def signed_report(
    report: Report, *, digest: str, keys: Iterable[KeySpec], key: Ed25519PrivateKey
) -> bytes:
    """Return the file of a passport. Arguments and errors are those of ``statement_of``."""
    passport = signed_passport(statement_of(report, digest=digest, keys=keys), key)
    parse_passport(passport)  # what is refused later had better not be written
    return passport


def written_passport(passport: bytes, path: Path) -> None:
    """Put a passport where it belongs, whole or not at all, making its folder.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.new")
    try:
        draft.write_bytes(passport)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _refuse_incomplete(report: Report) -> None:
    if report.left_out:
        fault = f"{report.left_out} checks of {report.level.name} were left out"
        raise ConfigError(fault, where="--passport", hint="run all of them, without --only")
    if {result.check.id for result in report.results} - {check.id for check in CHECKS}:
        raise ConfigError("the run had checks that are not the kit's", where="--passport")
    if report.reached is None:
        raise ConfigError("no level was reached, so there is nothing to state", where="--passport")


def _stated(report: Report) -> tuple[StatedResult, ...]:
    found = []
    for result in sorted(report.results, key=lambda one: one.check.id):
        named: dict[str, Any] = {"level": result.check.level.name, "outcome": result.outcome.value}
        found.append(StatedResult(id=result.check.id, **named))
    return tuple(found)
