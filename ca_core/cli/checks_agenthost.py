"""``doctor`` on the host of an agent: clocks, what is kept on disk, sockets for other users."""

import ssl
import stat
from pathlib import Path

import httpx

from ca_core.agent.leaffile import ASIDE, FILE
from ca_core.cli.address import AGENT_SOCKET
from ca_core.cli.checks_network import skew_level
from ca_core.cli.checkup import Check, Found, Level, Situation
from ca_core.config import UnixListen, parse_listen
from ca_core.config.model import AgentConfig
from ca_core.state.kek import KeyRing, key_file, keys_from_command, read_key_file

_SECONDS = 5.0
_ORDER = (Level.SKIPPED, Level.OK, Level.WARNING, Level.FAILURE)


def _clocks(situation: Situation) -> Found:
    """Compare this host's clock with that of each server, which need not prove who it is."""
    worst: Found = (Level.SKIPPED, "no agent.server is configured", "")
    for url in situation.config.agent.servers:
        found = _clock_of(url, situation)
        if _ORDER.index(found[0]) >= _ORDER.index(worst[0]):
            worst = found
    return worst


def _clock_of(url: str, situation: Situation) -> Found:
    try:
        date = _date_of(url)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        hint = f"is `ca-core server` running there? curl -k {url}/healthz"
        return Level.WARNING, f"{url} does not answer: {type(error).__name__}", hint
    level, text, hint = skew_level(date, situation.moment())
    return level, f"{url}: {text}", hint


def _date_of(url: str) -> str:
    unverified = ssl.create_default_context()  # a date is asked for, nothing is told or believed
    unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
    with httpx.Client(verify=unverified, timeout=_SECONDS, trust_env=False) as client:
        return str(client.get(f"{url}/healthz").headers.get("date", ""))


def _kept(situation: Situation) -> Found:
    """Look at the file of kept leaves and at its key, as the next start will."""
    agent = situation.config.agent
    path, aside = agent.data_dir / FILE, agent.data_dir / ASIDE
    if aside.exists():
        hint = f"its key was lost or replaced; once that is understood: rm {aside}"
        return Level.WARNING, f"a file that did not open lies at {aside}", hint
    if not agent.persist:
        return Level.SKIPPED, "leaves are not kept over a restart (agent.persist)", ""
    if not path.exists():
        return Level.SKIPPED, f"nothing is kept yet at {path}", ""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        return Level.WARNING, f"others may read {path} (mode {mode:04o})", f"chmod 600 {path}"
    return Level.OK, f"{path} is for the agent alone, key {', '.join(_keys(agent).ids)}", ""


def _keys(agent: AgentConfig) -> KeyRing:
    """Return the keys as an agent would find them; none is made."""
    if agent.persist_key_command:
        return keys_from_command(agent.persist_key_command)
    return read_key_file(agent.persist_key_file or key_file(agent.data_dir))


def _sockets(situation: Situation) -> Found:
    """Look at the sockets on which local programs ask: there, and reachable for other users."""
    agent = situation.config.agent
    listens = [parse_listen(text) for text in agent.listen]
    paths = [one.path for one in listens if isinstance(one, UnixListen)]
    paths.append(agent.data_dir / AGENT_SOCKET)
    present = [path for path in paths if path.exists()]
    if not present:
        return Level.SKIPPED, "no agent runs here", ""
    for path in present:
        if not path.is_socket() or not path.stat().st_mode & stat.S_IWOTH:
            return Level.WARNING, f"other users may not use {path}", "restart the agent"
        if (closed := _closed_above(path)) is not None:
            return Level.WARNING, f"other users cannot reach {path}", f"chmod o+x {closed}"
    return Level.OK, ", ".join(str(path) for path in present), ""


def _closed_above(path: Path) -> Path | None:
    """Return the highest folder above that lets no other user through, or None."""
    folders = reversed(path.resolve().parents)
    return next((each for each in folders if not each.stat().st_mode & stat.S_IXOTH), None)


CHECKS = (
    Check("agent", "clocks", _clocks),
    Check("agent", "kept leaves", _kept),
    Check("agent", "sockets", _sockets),
)
