"""From cfssl's refusals to errors of the contract.

=============================  =====================================================
answer                         means
=============================  =====================================================
401, 403, or "invalid token"   PermissionDeniedError: the auth key is not cfssl's
404 of sign or authsign        PermissionDeniedError: the profiles want the other one
429                            RateLimitedError
503                            UnavailableError: nothing was done
any other 5xx                  of `info` UnavailableError, else OutcomeUnknownError
a code of 9000 to 9999          RequestError: cfssl does not take this CSR
anything else                  ProviderError
=============================  =====================================================
"""

from datetime import timedelta

import httpx
import msgspec

from ca_core.contract import (
    Error,
    OutcomeUnknownError,
    PermissionDeniedError,
    ProviderError,
    RateLimitedError,
    RequestError,
    UnavailableError,
)

CSR_CODES = range(9000, 10000)
LONGEST_PAUSE = 3600
MAX_TEXT = 200


class Complaint(msgspec.Struct, frozen=True):
    """One error in an answer: cfssl's own code and words."""

    code: int = 0
    message: str = ""


class Refusal(msgspec.Struct, frozen=True):
    """An answer that is not a success."""

    errors: tuple[Complaint, ...] = ()


def fault_of(call: str, answer: httpx.Response) -> Error:
    """Return the error that an answer other than 200 stands for."""
    said = _complaint(answer.content)
    text = f"cfssl answered {answer.status_code} to {call}: {said.message}"
    if said.code in CSR_CODES:
        return RequestError(text, field="csr")
    match answer.status_code:
        case status if status in {401, 403} or said.message == "invalid token":
            hint = "compare ca.config.auth_key with cfssl's auth_keys"
            return PermissionDeniedError(text, needed=(call,), hint=hint)
        case 404 if call != "info":
            hint = "set ca.config.auth_key if cfssl's profiles have one, else leave it out"
            return PermissionDeniedError(f"cfssl does not offer {call}", needed=(call,), hint=hint)
        case 429 | 503:
            return _later(text, answer)
        case status if status >= 500:
            return unanswered(call, text)
        case _:
            return ProviderError(text)


def unanswered(call: str, why: str) -> ProviderError:
    """After `info` nothing happened; after a signature was asked for nobody knows."""
    text = f"no usable answer to {call}: {why}"
    return UnavailableError(text) if call == "info" else OutcomeUnknownError(text)


def _later(text: str, answer: httpx.Response) -> ProviderError:
    asked = answer.headers.get("retry-after", "")
    pause = timedelta(seconds=min(int(asked), LONGEST_PAUSE) if asked.isdecimal() else 1)
    kind = (
        RateLimitedError
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS
        else UnavailableError
    )
    return kind(text, retry_after=pause)


def _complaint(body: bytes) -> Complaint:
    """Return what cfssl says, short and harmless to a terminal."""
    try:
        first = msgspec.json.decode(body, type=Refusal).errors[0]
    except (msgspec.MsgspecError, IndexError):
        return Complaint(message="no reason given")
    shown = "".join(char if char.isprintable() else " " for char in first.message)
    return Complaint(first.code, shown[:MAX_TEXT])
