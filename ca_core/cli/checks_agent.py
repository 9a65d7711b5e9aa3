"""``doctor`` on the agent of this host: its leaf, its servers, what it remembers and keeps."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from ca_core.cli.address import AGENT_SOCKET, Address, local_address
from ca_core.cli.checkup import Check, Found, Level, Situation
from ca_core.cli.failures import AnsweredError, UnreachableError
from ca_core.cli.times import relative, span_text
from ca_core.wire.times import parse_wire_time

SELF = "/v1/agent/self"
CACHE = "/v1/agent/cache?limit=0"

NO_AGENT = "no agent runs here"
STALE = timedelta(minutes=5)
"""An agent that heard nothing for longer serves what it knows, and nothing that is new."""
_NAMED = 3

_JOIN = "`ca-core token join --node NODE` on a server, then start the agent with that token"


def _of_self(judge: Callable[[Mapping[str, Any], datetime], Found]) -> Callable[[Situation], Found]:
    """Return a check of what the agent tells of itself."""

    def look(situation: Situation) -> Found:
        found = _told(situation, SELF)
        return found if isinstance(found, tuple) else judge(found, situation.now)

    return look


def _told(situation: Situation, path: str) -> Mapping[str, Any] | Found:
    """Return what the agent answers, or what there is to say without an answer."""
    try:
        answer: dict[str, Any] = situation.asked(path, _where(situation)).decoded(dict[str, Any])
    except UnreachableError:
        return Level.SKIPPED, NO_AGENT, ""
    except AnsweredError as error:
        return Level.SKIPPED, f"only an agent knows it, and its operators: {error}", ""
    return answer


def _where(situation: Situation) -> Address:
    if situation.named:
        return situation.api
    return local_address(situation.config.agent.data_dir, AGENT_SOCKET)


def own_leaf_level(told: Mapping[str, Any], now: datetime) -> Found:
    """Judge the agent's own leaf: late to renew is a warning, expired a failure."""
    identity = told.get("Identity") or {}
    if not identity:
        return Level.SKIPPED, "it has none: server and agent are one process", ""
    ends, renews = (parse_wire_time(identity[name]) for name in ("ValidBefore", "RenewAt"))
    text = f"{identity['SpiffeID']}: expires {relative(ends, now)}"
    if ends <= now:
        hint = f"within 30 days it comes back by itself once a server answers; else {_JOIN}"
        return Level.FAILURE, text, hint
    if renews + (ends - renews) / 2 < now:
        late = f"{text}; its renewal is due since {span_text(now - renews)}"
        return Level.WARNING, late, "its log says why; does a server answer it?"
    return Level.OK, f"{text}, renews {relative(renews, now)}", ""


def contact_level(told: Mapping[str, Any], _now: datetime) -> Found:
    """Judge how long the agent has heard nothing; a failure if it never heard anything."""
    roots = told["Stats"]["roots"]
    if roots["known_leader"]:
        return Level.OK, "a server answers it", ""
    reason = f": {roots['last_error']}" if roots["last_error"] else ""
    age = timedelta(seconds=roots["age_seconds"])
    hint = "is `ca-core server` running there, and does a firewall let this host through?"
    if not age:
        return Level.FAILURE, f"no server has answered it yet{reason}", hint
    level = Level.FAILURE if age > STALE else Level.WARNING
    return level, f"no server has answered it for {span_text(age)}{reason}", hint


def servers_level(told: Mapping[str, Any], _now: datetime) -> Found:
    """Judge each server as the agent finds it; one that fails is a warning while others answer."""
    known = told["Stats"].get("servers") or {}
    failures: Mapping[str, int] = known.get("failures") or {}
    if not failures:
        return Level.SKIPPED, "server and agent are one process", ""
    text = "; ".join(_server_text(url, count, known["current"]) for url, count in failures.items())
    failing = [url for url, count in failures.items() if count]
    if not failing:
        return Level.OK, text, ""
    level = Level.FAILURE if len(failing) == len(failures) else Level.WARNING
    return level, text, f"what does it say itself? curl -k {failing[0]}/readyz"


def _server_text(url: str, failures: int, current: str) -> str:
    chosen = " (chosen)" if url == current else ""
    return f"{url}{chosen} " + (f"failed {failures} times in a row" if failures else "does well")


def tokens_level(told: Mapping[str, Any], _now: datetime) -> Found:
    """Tell how many tokens the agent holds."""
    count = told["Stats"]["agent"]["tokens"]
    return Level.OK, f"{count} token{'' if count == 1 else 's'} held", ""


def services_level(told: Mapping[str, Any], _now: datetime) -> Found:
    """Judge what programs registered: what servers refuse is a warning."""
    services = told["Stats"].get("services") or {}
    refused: Mapping[str, str] = services.get("refused") or {}
    text = f"{services.get('services', 0)} registered, {services.get('checks', 0)} checks"
    if refused:
        name, reason = next(iter(refused.items()))
        hint = "give the registering token service:write on that name, or another name"
        return Level.WARNING, f"{text}; {name} is refused: {reason}", hint
    if services.get("last_error"):
        said = f"{text}; servers are not told: {services['last_error']}"
        return Level.WARNING, said, "see `contact` above"
    return Level.OK, text, ""


def configuration_level(told: Mapping[str, Any], _now: datetime) -> Found:
    """Judge what of the file the agent does not follow yet."""
    found = told["Stats"].get("configuration") or {}
    if found.get("last_error"):
        hint = "mend the file, then send SIGHUP again"
        return Level.FAILURE, f"the last reload was refused: {found['last_error']}", hint
    if waiting := found.get("needs_restart"):
        hint = "systemctl restart ca-core-agent"
        return Level.WARNING, f"changed, but only for the next start: {', '.join(waiting)}", hint
    return Level.OK, "it follows the file as it was read last", ""


def persist_level(told: Mapping[str, Any], now: datetime) -> Found:
    """Judge how leaves are kept, where they are."""
    found = told["Stats"].get("persist")
    if not found:
        return Level.SKIPPED, "leaves are not kept over a restart (agent.persist)", ""
    if found["last_error"]:
        hint = "mend what it names; until then a restart issues leaves anew"
        return Level.FAILURE, f"leaves are not kept: {found['last_error']}", hint
    when = found["written_at"]
    written = f"written {span_text(now - parse_wire_time(when))} ago" if when else "not written yet"
    return Level.OK, f"{found['file']}: {written}", ""


def readers_level(told: Mapping[str, Any], _now: datetime) -> Found:
    """Judge the programs that read roots here: those that hold an old bundle are a warning."""
    readers = told["Stats"]["readers"]
    behind = readers["behind"]
    if not behind:
        return Level.OK, f"{readers['known']} programs read roots here, none is behind", ""
    names = ", ".join(str(name) for name in readers["such_as"][:_NAMED])
    hint = "let them watch the roots (`index=`), or restart them"
    return Level.WARNING, f"{behind} of {readers['known']} hold an old bundle: {names}", hint


def caches_level(told: Mapping[str, Any]) -> Found:
    """Judge what the agent remembers: its size, and how old the oldest of each kind is."""
    kinds = [kind for kind in told["Kinds"] if kind["Entries"]]
    ages = {kind["Kind"]: timedelta(seconds=kind["OldestRefreshSeconds"]) for kind in kinds}
    text = ", ".join(f"{kind['Entries']} {kind['Kind']}" for kind in kinds) or "nothing yet"
    old = {name: age for name, age in ages.items() if age > STALE}
    if old:
        name, age = max(old.items(), key=lambda item: item[1])
        hint = "`ca-core cache top` shows which, and why they cannot be refreshed"
        return Level.WARNING, f"{text}; {name} is {span_text(age)} old", hint
    if told["Bytes"] > told["BudgetBytes"]:
        hint = "raise agent.cache_bytes: all of it is waited for"
        return Level.WARNING, f"{text}; more than its budget", hint
    return Level.OK, text, ""


def _caches(situation: Situation) -> Found:
    found = _told(situation, CACHE)
    return found if isinstance(found, tuple) else caches_level(found)


CHECKS = (
    Check("agent", "own leaf", _of_self(own_leaf_level)),
    Check("agent", "contact", _of_self(contact_level)),
    Check("agent", "servers", _of_self(servers_level)),
    Check("agent", "caches", _caches),
    Check("agent", "readers", _of_self(readers_level)),
    Check("agent", "tokens", _of_self(tokens_level)),
    Check("agent", "services", _of_self(services_level)),
    Check("agent", "configuration", _of_self(configuration_level)),
    Check("agent", "keeping", _of_self(persist_level)),
)
