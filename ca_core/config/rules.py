"""Rules between keys, checked when the configuration is read: lives, keys, names, addresses.

Source: Consul's common CA options for the lives (leaf 1h to 8760h, signer three times the
leaf, root at least the signer).
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from ca_core.config.listen import TcpListen, parse_listen
from ca_core.config.model import CAConfig, Config, RotationConfig
from ca_core.config.serverurl import checked_url
from ca_core.durations import format_duration
from ca_core.errors import ConfigError, RequestError
from ca_core.identity.keys import KeyType, parse_key_spec
from ca_core.identity.spiffe import AgentId, ServiceId, TrustDomain

MIN_LEAF_TTL = timedelta(hours=1)
MAX_LEAF_TTL = timedelta(hours=8760)

UNSAFE_MIN_LEAF_TTL = timedelta(seconds=1)
"""With ``unsafe_short_ttls``: certificates count whole seconds."""

SIGNER_LIVES = 3
"""A signer lives at least this many leaf lives, so that its renewal never shortens a leaf."""

LOWEST_RATE = 0.001
"""Signatures a second, where there is a limit: a lower one only stops every renewal."""

MAX_CONFIG_LEVELS = 16
"""Tables and lists within each other below ``ca.config``; far more than any provider needs."""

MIN_REVIEW_BUDGET = timedelta(milliseconds=1)
MAX_REVIEW_BUDGET = timedelta(seconds=1)
"""A caller waits for every plugin; one that takes twice this long is not waited for."""

MIN_REAP = timedelta(hours=8)
"""A host that is repaired overnight keeps its place."""

MIN_CACHE = 1024 * 1024
"""Bytes; below that an agent would forget what it has just fetched."""
MIN_STALENESS = timedelta(seconds=10)
"""Twice the shortest time in which an agent asks again; a slow answer is no outage."""

_ANY = TrustDomain("any")


def check_config(config: Config) -> None:
    """Refuse values that are each well-formed and do not go together.

    Raises:
        ConfigError: the first rule broken, with the fix; ``where`` is the dotted key.
    """
    check_ca(config.ca)
    _check_rotation(config.rotation)
    _check_reaping(config)
    _check_names(config)
    _check_kek(config)
    _check_listen(config)
    _check_servers(config)
    _check_workloads(config)
    _check_plugins(config)
    _check_conformance(config)
    _check_authorize(config)


def check_ca(ca: CAConfig) -> None:
    """Refuse a ``[ca]`` section whose values do not go together, wherever it comes from.

    Raises:
        ConfigError: as ``check_config``.
    """
    check_lives(ca)
    _check_keys(ca)
    _check_limits(ca)
    if _is_deeper(ca.config, MAX_CONFIG_LEVELS):
        raise ConfigError(f"nested more than {MAX_CONFIG_LEVELS} deep", where="ca.config")


def _is_deeper(value: object, levels: int) -> bool:
    inner = list(value.values()) if isinstance(value, dict) else value
    if not isinstance(inner, list):
        return False
    return levels == 0 or any(_is_deeper(one, levels - 1) for one in inner)


def check_lives(ca: CAConfig) -> None:
    """Refuse lives of leaf, signer and root that do not fit into each other.

    Raises:
        ConfigError: the rule and the fix are in the message.
    """
    _check_leaf_life(ca)
    if ca.intermediate_ttl < SIGNER_LIVES * ca.leaf_ttl:
        needed = format_duration(SIGNER_LIVES * ca.leaf_ttl)
        raise ConfigError(
            f"{format_duration(ca.intermediate_ttl)} is less than {SIGNER_LIVES} times leaf_ttl "
            f"({format_duration(ca.leaf_ttl)}); a signer must outlive its leaves",
            where="ca.intermediate_ttl",
            hint=f"set it to {needed} or more, or shorten leaf_ttl",
        )
    if ca.root_ttl < ca.intermediate_ttl:
        raise ConfigError(
            f"{format_duration(ca.root_ttl)} is less than intermediate_ttl "
            f"({format_duration(ca.intermediate_ttl)}); a root must outlive its signers",
            where="ca.root_ttl",
            hint=f"set it to {format_duration(ca.intermediate_ttl)} or more, "
            "or shorten intermediate_ttl",
        )


def _check_leaf_life(ca: CAConfig) -> None:
    least = UNSAFE_MIN_LEAF_TTL if ca.unsafe_short_ttls else MIN_LEAF_TTL
    if ca.leaf_ttl < least:
        raise ConfigError(
            f"{format_duration(ca.leaf_ttl)} is too short; a leaf lives at least "
            f"{format_duration(least)}",
            where="ca.leaf_ttl",
            hint=f"set it to {format_duration(least)} or more"
            + ("" if ca.unsafe_short_ttls else "; in tests, set unsafe_short_ttls = true"),
        )
    if ca.leaf_ttl > MAX_LEAF_TTL:
        raise ConfigError(
            f"{format_duration(ca.leaf_ttl)} is too long; a leaf lives at most "
            f"{format_duration(MAX_LEAF_TTL)}",
            where="ca.leaf_ttl",
            hint=f"set it to {format_duration(MAX_LEAF_TTL)} or less; leaves renew by themselves",
        )


def _check_keys(ca: CAConfig) -> None:
    _reworded("ca.key_bits", lambda: parse_key_spec(KeyType(ca.key_type), ca.key_bits))


def _check_limits(ca: CAConfig) -> None:
    rate = ca.csr_max_per_second
    if rate != 0 and not LOWEST_RATE <= rate < float("inf"):
        said = f"must be 0 (no limit), or {LOWEST_RATE} or more"
        raise ConfigError(said, where="ca.csr_max_per_second")


def _check_rotation(rotation: RotationConfig) -> None:
    if rotation.patience <= timedelta():
        raise ConfigError(
            "nobody can acknowledge in no time",
            where="rotation.patience",
            hint="set it to a minute or more",
        )


def _check_reaping(config: Config) -> None:
    if config.server.reap_after < MIN_REAP:
        raise ConfigError(
            f"is less than {format_duration(MIN_REAP)}: an outage would remove nodes",
            where="server.reap_after",
            hint="72h is usual",
        )


def _check_authorize(config: Config) -> None:
    if not 0.0 <= config.authorize.log_sample <= 1.0:
        raise ConfigError("must be 0 to 1", where="authorize.log_sample")
    if config.agent.cache_bytes < MIN_CACHE:
        raise ConfigError(
            f"is less than {MIN_CACHE}: roots and a few leaves take that much",
            where="agent.cache_bytes",
            hint="leave it out for 64 MiB",
        )
    if timedelta() < config.agent.max_staleness < MIN_STALENESS:
        raise ConfigError(
            f"is less than {format_duration(MIN_STALENESS)}: one slow answer would deny everything",
            where="agent.max_staleness",
            hint="set it to 0s for any age, or to a minute or more",
        )


def _check_names(config: Config) -> None:
    node, datacenter = config.agent.node, config.datacenter
    _reworded("datacenter", lambda: AgentId(trust_domain=_ANY, datacenter=datacenter, node="any"))
    _reworded("agent.node", lambda: AgentId(trust_domain=_ANY, datacenter="any", node=node))
    trust_domain = config.server.trust_domain
    if trust_domain is not None:
        _reworded("server.trust_domain", lambda: TrustDomain(trust_domain))


def _check_kek(config: Config) -> None:
    if config.server.kek_file is not None and config.server.kek_command:
        raise ConfigError(
            "kek_file and kek_command exclude each other",
            where="server.kek_command",
            hint="keep the one that holds the key",
        )
    if config.agent.persist_key_file is not None and config.agent.persist_key_command:
        raise ConfigError(
            "persist_key_file and persist_key_command exclude each other",
            where="agent.persist_key_command",
            hint="keep the one that holds the key",
        )


def _check_listen(config: Config) -> None:
    for text in config.server.listen:
        parse_listen(text, where="server.listen")
    for text in config.agent.listen:
        check_loopback(text, where="agent.listen")


def _check_servers(config: Config) -> None:
    for url in config.agent.servers:
        checked_url(url)


def check_loopback(text: str, *, where: str) -> None:
    """Refuse an address that other machines can reach: plain HTTP stays on this one.

    Raises:
        ConfigError: not loopback, or no address at all.
    """
    listen = parse_listen(text, where=where)
    if isinstance(listen, TcpListen) and not listen.is_loopback:
        raise ConfigError(
            f"{listen} can be reached from other machines, and this is plain HTTP",
            where=where,
            hint=f"listen on 127.0.0.1:{listen.port} or on unix:PATH",
        )


def _check_workloads(config: Config) -> None:
    for service, users in config.agent.workloads.items():
        where = f"agent.workloads.{service}"
        _check_service(service, where)
        if any(isinstance(user, int) and user < 0 for user in users):
            raise ConfigError("a uid is 0 or more", where=where)


def _check_service(name: str, where: str) -> None:
    _reworded(where, lambda: ServiceId(trust_domain=_ANY, datacenter="any", service=name))


def _reworded(where: str, check: Callable[[], Any]) -> None:
    """Run ``check``; what a caller did wrong there, the operator did wrong here."""
    try:
        check()
    except RequestError as error:
        message = str(error).removeprefix(f"{error.field}: ")
        raise ConfigError(message, where=where) from None


def _check_plugins(config: Config) -> None:
    enabled, budget = config.plugins.enabled, config.plugins.review_budget
    twice = next((name for name in enabled if enabled.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(f"{twice!r} is there twice", where="plugins.enabled")
    if not MIN_REVIEW_BUDGET <= budget <= MAX_REVIEW_BUDGET:
        raise ConfigError(
            f"{format_duration(budget)} is not between {format_duration(MIN_REVIEW_BUDGET)} and "
            f"{format_duration(MAX_REVIEW_BUDGET)}",
            where="plugins.review_budget",
            hint="a caller waits for every review; the default is 100ms",
        )


def _check_conformance(config: Config) -> None:
    demand = config.conformance
    if demand.require_conformance is not None and not demand.trusted_keys:
        raise ConfigError(
            "a passport is required, and nobody is trusted to sign one",
            where="conformance.trusted_keys",
            hint="name the public keys whose passports count, as PEM files",
        )
