"""What a provider's health must be to be shown; pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from ca_core.contract.answers import Credential, Health


def health_fault(answer: object) -> str:
    """Return what is wrong with an answer of ``health``, without quoting it; '' if nothing is."""
    if not isinstance(answer, Health):
        return f"health() returned {type(answer).__name__}, not Health"
    faults = (
        _unlike("Health.ok", answer.ok, bool),
        _unlike("Health.message", answer.message, str),
        _details_fault(answer.details),
        credential_fault(answer.credential),
    )
    return next(filter(None, faults), "")


def _unlike(what: str, value: object, kind: type) -> str:
    if isinstance(value, kind):
        return ""
    return f"{what} is of type {type(value).__name__}, not {kind.__name__}"


def _details_fault(details: object) -> str:
    if isinstance(details, Mapping):
        parts = (part for row in details.items() for part in row)
        if all(isinstance(part, str) for part in parts):
            return ""
    return "Health.details is not a mapping of text to text"


def credential_fault(credential: object) -> str:
    """Return what is wrong with ``Health.credential``, without quoting it; '' if nothing is."""
    if credential is None:
        return ""
    if not isinstance(credential, Credential):
        return _unlike("Health.credential", credential, Credential)
    if not _is_end(credential.ends):
        return "Credential.ends is neither None nor an aware datetime in UTC"
    if not _is_count(credential.failures):
        return "Credential.failures is not a whole number from 0"
    return _unlike("Credential.last_error", credential.last_error, str)


def _is_end(ends: object) -> bool:
    return ends is None or (isinstance(ends, datetime) and ends.utcoffset() == timedelta())


def _is_count(failures: object) -> bool:
    return isinstance(failures, int) and not isinstance(failures, bool) and failures >= 0
