"""``doctor`` on what runs: reachable, ready, the clock, the roots, the credential, the port."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from ca_core.cli.address import SERVER_SOCKET, Address, local_address
from ca_core.cli.ca import fetched_roots
from ca_core.cli.castatus import STATUS
from ca_core.cli.checkup import Check, Level, Situation
from ca_core.cli.client import Client
from ca_core.cli.credential import in_words, is_dead, is_well
from ca_core.cli.failures import AnsweredError, UnreachableError
from ca_core.cli.ports import holder_of, is_free
from ca_core.cli.times import relative, span_text
from ca_core.config import TcpListen, parse_listen
from ca_core.errors import RequestError
from ca_core.identity.certificates import is_ca, parse_certificates
from ca_core.wire.roots import CARoot, CARoots

SKEW_WARNING = timedelta(seconds=5)
SKEW_FAILURE = timedelta(seconds=60)
"""Leaves are backdated by so much; a clock further off refuses a fresh one."""

SOON = timedelta(days=30)
"""A root that expires within this span should have a successor by now."""

NOTHING_RUNS = "nothing runs at that address"


def _alive(situation: Situation) -> tuple[Level, str, str]:
    try:
        situation.asked("/healthz")
    except UnreachableError as error:
        level = Level.FAILURE if situation.named else Level.WARNING
        return level, str(error), error.hint
    return Level.OK, f"{situation.api} answers", ""


def _ready(situation: Situation) -> tuple[Level, str, str]:
    try:
        situation.asked("/readyz")
    except UnreachableError:
        return Level.SKIPPED, NOTHING_RUNS, ""
    except AnsweredError as error:
        return Level.FAILURE, f"not ready: {error}", error.hint or "its log says more"
    return Level.OK, "ready to work", ""


def _clock(situation: Situation) -> tuple[Level, str, str]:
    try:  # anew: an answer that was asked for earlier tells an earlier time
        with Client(situation.api, situation.token) as client:
            date = client.get("/healthz").headers.get("date", "")
    except UnreachableError:
        return Level.SKIPPED, NOTHING_RUNS, ""
    return skew_level(date, situation.moment())


def skew_level(date: str, now: datetime) -> tuple[Level, str, str]:
    """Judge the difference between a ``Date`` header (whole seconds) and our clock."""
    try:
        skew = abs(parsedate_to_datetime(date) - now)
    except (ValueError, TypeError):
        return Level.SKIPPED, "its answers carry no date", ""
    text = f"the clocks differ by {span_text(skew)}"
    if skew <= SKEW_WARNING:
        return Level.OK, text, ""
    level = Level.FAILURE if skew > SKEW_FAILURE else Level.WARNING
    return level, text, "run an NTP client on both machines, for example chrony"


def _roots(situation: Situation) -> tuple[Level, str, str]:
    try:
        with Client(situation.api, situation.token) as client:
            roots = fetched_roots(client).decoded(CARoots)
    except UnreachableError:
        return Level.SKIPPED, NOTHING_RUNS, ""
    return roots_level(roots, situation.now)


def roots_level(roots: CARoots, now: datetime) -> tuple[Level, str, str]:
    """Judge a bundle: one active root, each a CA, each within its life and not near its end."""
    active = [root.id for root in roots.roots if root.active]
    if active != [roots.active_root_id]:
        return (
            Level.FAILURE,
            "there is not exactly one active root",
            "`ca-core ca roots` shows them",
        )
    ends = [_end_of(root, now) for root in roots.roots]
    first = min(ends)
    if first - now < SOON:
        hint = "leaves under it end with it; plan a rotation"
        return Level.WARNING, f"a root expires {relative(first, now)}", hint
    count = f"{len(ends)} trusted root{'s' if len(ends) > 1 else ''}"
    return (
        Level.OK,
        f"{count} of {roots.trust_domain}, the first expires {relative(first, now)}",
        "",
    )


def _end_of(root: CARoot, now: datetime) -> datetime:
    """Return when a root expires.

    Raises:
        RequestError: it is no certificate, no CA, or not valid now.
    """
    certificate = parse_certificates(root.root_cert, field=f"root {root.id}")[0]
    if not is_ca(certificate):
        raise RequestError("it is not a CA", field=f"root {root.id}")
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise RequestError(
            "it is not valid now", field=f"root {root.id}", hint="check the clock of this machine"
        )
    return certificate.not_valid_after_utc


def _credential(situation: Situation) -> tuple[Level, str, str]:
    """Look at what the server works with at its CA's backend; only the server knows that."""
    try:
        status = situation.asked(STATUS, _server_of(situation)).decoded(dict)
    except UnreachableError:
        return Level.SKIPPED, "no server runs here", ""
    except AnsweredError as error:
        return Level.SKIPPED, f"only the server knows it, and its operators: {error}", ""
    return credential_level(status)


def _server_of(situation: Situation) -> Address:
    if situation.named:
        return situation.api
    return local_address(situation.config.server.data_dir, SERVER_SOCKET)


def credential_level(status: Mapping[str, Any]) -> tuple[Level, str, str]:
    """Judge the provider's credential in the status of a server; dead is a failure."""
    found = status.get("Credential")  # a server of 0.1 tells none
    text = f"the provider's: {in_words(found)}"
    if is_well(found):
        return Level.OK if found else Level.SKIPPED, text, ""
    hint = "mend what the error names, or give [ca.config] another credential; then try "
    level = Level.FAILURE if is_dead(found) else Level.WARNING
    return level, text, f"{hint}`ca-core provider check NAME --online`"


def _port(situation: Situation) -> tuple[Level, str, str]:
    every = (parse_listen(text) for text in situation.config.agent.listen)
    listen = next((one for one in every if isinstance(one, TcpListen)), None)
    if listen is None:
        return Level.SKIPPED, "the agent listens on a socket, not on a port", ""
    if is_free(listen):
        return Level.OK, f"{listen} is free", ""
    holder = holder_of(listen.port) or "a process of another user"
    try:
        situation.asked("/healthz")
    except (UnreachableError, AnsweredError):
        hint = "stop it, or start with --listen 127.0.0.1:PORT"
        return Level.WARNING, f"{listen} is in use by {holder}", hint
    return Level.OK, f"{listen} is in use by {holder}", ""


CHECKS = (
    Check("running", "alive", _alive),
    Check("running", "ready", _ready),
    Check("running", "clock", _clock),
    Check("running", "roots", _roots),
    Check("running", "credential", _credential),
    Check("running", "port", _port),
)
