"""The configuration as frozen values; every key of the file is a field here, by the same name."""

import socket
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from ca_core.config.access import ACLConfig, AuthorizeConfig

KeyType = Literal["ec", "rsa", "ed25519"]
LogLevel = Literal["debug", "info", "warning", "error"]
OnDeadlineName = Literal["wait", "abort", "proceed"]
ConformanceLevel = Literal["L0", "L1", "L2", "L3", "L4"]


class ServerConfig(msgspec.Struct, frozen=True, kw_only=True):
    """``[server]``: the process that owns the state.

    At most one of ``kek_file`` and ``kek_command``; the variable ``CA_CORE_KEK`` goes before both.
    """

    data_dir: Annotated[Path, Meta(description="Folder of the state, mode 0700.")] = Path(
        "/var/lib/ca-core/server"
    )
    listen: Annotated[
        tuple[str, ...],
        Meta(description="Where agents connect, HOST:PORT (TLS) or unix:PATH (operators)."),
    ] = ("0.0.0.0:8501",)
    advertise: Annotated[
        tuple[str, ...],
        Meta(description="Host names and IP addresses of this server, for its certificate."),
    ] = ()
    trust_domain: Annotated[
        str | None, Meta(description="Default: a random UUID and '.consul', drawn at first start.")
    ] = None
    kek_file: Annotated[
        Path | None,
        Meta(description="File of the key-encryption key, mode 0600. Default: <data_dir>.kek"),
    ] = None
    kek_command: Annotated[
        tuple[str, ...],
        Meta(description="Program and arguments that print the key-encryption key; no shell."),
    ] = ()
    reap_after: Annotated[
        timedelta,
        Meta(description="A node whose agent was silent for so long is removed; at least 8h."),
    ] = timedelta(hours=72)


class AgentConfig(msgspec.Struct, frozen=True, kw_only=True):
    """``[agent]``: the process on each host that answers from memory.

    ``workloads`` maps a service to the users, by uid or name, who may have its leaf.
    """

    server: Annotated[
        tuple[str, ...] | str, Meta(description="URLs of servers, for example https://ca1:8501")
    ] = ()
    data_dir: Annotated[Path, Meta(description="Folder of the agent's own key and leaf.")] = Path(
        "/var/lib/ca-core/agent"
    )
    listen: Annotated[
        tuple[str, ...],
        Meta(description="Where local programs connect: a loopback HOST:PORT or unix:PATH."),
    ] = ("127.0.0.1:8500",)
    node: Annotated[str, Meta(description="Name of this node. Default: the host name.")] = (
        msgspec.field(default_factory=socket.gethostname)
    )
    address: Annotated[
        str,
        Meta(
            description="Where other hosts reach the services of this one. Default: the address"
            " by which this host reaches its server."
        ),
    ] = ""
    workloads: Annotated[
        dict[str, tuple[int | str, ...]],
        Meta(description="Service = the uids or user names that may have its leaf."),
    ] = {}
    join_token_file: Annotated[
        Path | None, Meta(description="File with the join token, used once.")
    ] = None

    persist: Annotated[
        bool, Meta(description="Keep leaves and keys over a restart, encrypted. Not in `dev`.")
    ] = False
    persist_key_file: Annotated[
        Path | None,
        Meta(description="File of the key that encrypts them, mode 0600. Default: <data_dir>.kek"),
    ] = None
    persist_key_command: Annotated[
        tuple[str, ...],
        Meta(description="Program and arguments that print that key; no shell."),
    ] = ()
    token_file: Annotated[
        Path | None,
        Meta(description="File with the token of local callers without one; mode 0600."),
    ] = None

    max_staleness: Annotated[
        timedelta,
        Meta(
            description="While no server answers: how old intentions may be to decide by; then"
            " every connection is denied. 0s: any age."
        ),
    ] = timedelta()

    cache_bytes: Annotated[
        int,
        Meta(
            description="Memory, in bytes and about, of all that the agent remembers; beyond it,"
            " what was used longest ago is forgotten."
        ),
    ] = 64 * 1024 * 1024

    @property
    def servers(self) -> tuple[str, ...]:
        """Return the server URLs, whether one or several were written."""
        return (self.server,) if isinstance(self.server, str) else self.server


class CAConfig(msgspec.Struct, frozen=True, kw_only=True):
    """``[ca]``: which provider signs, for how long, with what keys.

    ``config`` is the provider's own table, unparsed; it may hold secrets, so ``repr`` shows its
    keys alone. The rules between the three lives are in ``ca_core.config.rules``.
    """

    provider: Annotated[str, Meta(description="Entry point's name of the provider.")] = "builtin"
    leaf_ttl: Annotated[timedelta, Meta(description="Life of a leaf; 1h to 8760h.")] = timedelta(
        hours=72
    )
    intermediate_ttl: Annotated[
        timedelta, Meta(description="Life of a signer; at least three leaf lives.")
    ] = timedelta(hours=8760)
    root_ttl: Annotated[timedelta, Meta(description="Life of a root; at least a signer's.")] = (
        timedelta(hours=87600)
    )
    key_type: Annotated[KeyType, Meta(description="Of CA keys: ec, rsa or ed25519.")] = "ec"
    key_bits: Annotated[
        int, Meta(description="ec 256/384/521, rsa 2048/3072/4096. Default: the smallest.")
    ] = 256
    csr_max_per_second: Annotated[
        float, Meta(description="Leaves signed per second; 0 takes the limit away.")
    ] = 50.0
    trust_corporate_root: Annotated[
        bool, Meta(description="Publish a corporate root as anchor; any of its CAs can mint then.")
    ] = False
    strict_key_usage: Annotated[
        bool, Meta(description="Refuse leaves with keyEncipherment instead of warning.")
    ] = False
    unsafe_short_ttls: Annotated[
        bool, Meta(description="Allow leaf lives below 1h; for tests, never in production.")
    ] = False
    config: Annotated[
        dict[str, Any], Meta(description="The provider's own table: `ca-core provider show NAME`.")
    ] = {}

    def __repr__(self) -> str:
        return f"CAConfig(provider={self.provider!r}, config keys={sorted(self.config)})"


class RotationConfig(msgspec.Struct, frozen=True, kw_only=True):
    """``[rotation]``: how a change of who signs goes, where nobody who asks for it says more."""

    automatic: Annotated[
        bool, Meta(description="Replace signers and roots before they end, without being asked.")
    ] = True
    settle: Annotated[
        timedelta,
        Meta(
            description="How long a new root is given out before it signs, for readers that cannot "
            "acknowledge it; not waited for where the old root vouches for it. `dev`: 0s."
        ),
    ] = timedelta(minutes=10)
    patience: Annotated[
        timedelta,
        Meta(description="How long acknowledgements are waited for until on_deadline counts."),
    ] = timedelta(hours=1)
    on_deadline: Annotated[
        OnDeadlineName,
        Meta(description="What then: wait on, abort, or proceed if the old root vouches for it."),
    ] = "wait"


class PluginsConfig(msgspec.Struct, frozen=True, kw_only=True):
    """``[plugins]``: who is asked before a leaf is signed and told what happened."""

    enabled: Annotated[
        tuple[str, ...], Meta(description="Names of entry points in the group ca_core.plugins.")
    ] = ()
    on_error: Annotated[
        Literal["deny", "allow"],
        Meta(description="What a review plugin that fails, or was switched off, counts as."),
    ] = "deny"
    review_budget: Annotated[
        timedelta,
        Meta(description="Time for one review; over it three times in a row, it is switched off."),
    ] = timedelta(milliseconds=100)


class ConformanceConfig(msgspec.Struct, frozen=True, kw_only=True):
    """``[conformance]``: what a provider must have proven before this server imports it.

    The built-in provider is a part of this program and needs no passport.
    """

    require_conformance: Annotated[
        ConformanceLevel | None,
        Meta(description="Least level of a provider's passport: L0 to L4. Default: none needed."),
    ] = None
    trusted_keys: Annotated[
        tuple[str, ...],
        Meta(description="Whose passports count: Ed25519 public keys, PEM or paths of PEM files."),
    ] = ()
    passports: Annotated[
        Path | None,
        Meta(description="Folder of passports (*.json). Default: <server.data_dir>/passports"),
    ] = None


class LogConfig(msgspec.Struct, frozen=True, kw_only=True):
    """``[log]``: what is written to standard error."""

    level: Annotated[LogLevel, Meta(description="debug, info, warning or error.")] = "info"
    format: Annotated[Literal["text", "json"], Meta(description="text or json, a line each.")] = (
        "text"
    )


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """The whole configuration."""

    datacenter: Annotated[str, Meta(description="Name of this datacenter.")] = "dc1"
    server: ServerConfig = msgspec.field(default_factory=ServerConfig)
    agent: AgentConfig = msgspec.field(default_factory=AgentConfig)
    ca: CAConfig = msgspec.field(default_factory=CAConfig)
    rotation: RotationConfig = msgspec.field(default_factory=RotationConfig)
    plugins: PluginsConfig = msgspec.field(default_factory=PluginsConfig)
    conformance: ConformanceConfig = msgspec.field(default_factory=ConformanceConfig)
    acl: ACLConfig = msgspec.field(default_factory=ACLConfig)
    authorize: AuthorizeConfig = msgspec.field(default_factory=AuthorizeConfig)
    log: LogConfig = msgspec.field(default_factory=LogConfig)
    services: Annotated[
        tuple[dict[str, Any], ...],
        Meta(
            description="`[[services]]`, each a service of the agent's host, with the keys of"
            " `PUT /v1/agent/service/register`."
        ),
    ] = ()

    def __repr__(self) -> str:
        shown = [name for name in self.__struct_fields__ if name != "services"]
        parts = ", ".join(f"{name}={getattr(self, name)!r}" for name in shown)
        return f"Config({parts}, {len(self.services)} services)"  # whose headers may be secret


RawConfig = Mapping[str, Any]
"""Tables as TOML has them, before they are checked."""
