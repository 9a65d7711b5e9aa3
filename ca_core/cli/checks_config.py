"""``doctor`` on the configuration and on the provider it names."""

import os

from ca_core.api.tokensettings import default_token
from ca_core.authority.secretfiles import open_files
from ca_core.cli.checkup import Check, Level, Situation
from ca_core.cli.failures import TriedError
from ca_core.cli.probing import Trial
from ca_core.config import workload_uids
from ca_core.errors import ConfigError

_ASK_AGAIN = "correct that, and ask again: what is skipped depends on it"


def _file(situation: Situation) -> tuple[Level, str, str]:
    if isinstance(situation.loaded, ConfigError):
        found = situation.loaded
        return Level.FAILURE, str(found), found.hint or _ASK_AGAIN
    if situation.file is None:
        return Level.OK, "no file; every key has its default", ""
    return Level.OK, f"{situation.file} is understood", ""


def _dangerous(situation: Situation) -> tuple[Level, str, str]:
    ca = situation.config.ca
    if ca.unsafe_short_ttls:
        return Level.WARNING, "ca.unsafe_short_ttls is on", "take it out, except in tests"
    if ca.trust_corporate_root:
        return (
            Level.WARNING,
            "ca.trust_corporate_root is on: every CA below that root can mint your identities",
            "take it out; the mesh then trusts your own CA alone",
        )
    return Level.OK, "no dangerous setting is on", ""


def _workloads(situation: Situation) -> tuple[Level, str, str]:
    uids = workload_uids(situation.config.agent)
    if not uids:
        return Level.SKIPPED, "no [agent.workloads]: no local user may have a leaf", ""
    return Level.OK, f"{len(uids)} services, and every user named exists", ""


def _tokens(situation: Situation) -> tuple[Level, str, str]:
    config = situation.config
    path = config.agent.token_file
    if config.acl.default_policy == "allow":
        return (
            Level.WARNING,
            "acl.default_policy is allow: whoever has no token may be any service",
            "take it out once every caller has a token; then what is not allowed is denied",
        )
    default_token(path)
    if path is not None and path.stat().st_mode & 0o077:
        return Level.WARNING, f"others may read the token in {path}", f"chmod 600 {path}"
    return Level.OK, "what no rule allows is denied", ""


def _provider(situation: Situation) -> tuple[Level, str, str]:
    """Import the provider in a child process, and let it read its configuration there."""
    ca = situation.config.ca
    job = {"config": ca.config}
    limit = situation.plugin_limit
    try:
        Trial(name=ca.provider, job=job, limit=limit, environment=os.environ).done()
    except TriedError as error:
        return Level.FAILURE, str(error), error.hint or f"ca-core provider show {ca.provider}"
    return Level.OK, f"{ca.provider} can be imported and understands [ca.config]", ""


def _secret_files(situation: Situation) -> tuple[Level, str, str]:
    """Look at the files with secrets that the provider's configuration names."""
    found = open_files(situation.config.ca.config)
    if not found:
        return Level.OK, "no file with a secret of [ca.config] may be read by others", ""
    return Level.WARNING, "; ".join(map(str, found)), "; ".join(one.remedy for one in found)


CHECKS = (
    Check("configuration", "file", _file),
    Check("configuration", "settings", _dangerous),
    Check("configuration", "workloads", _workloads),
    Check("configuration", "tokens", _tokens),
    Check("provider", "import", _provider),
    Check("provider", "secret files", _secret_files),
)
