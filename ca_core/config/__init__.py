"""Configuration: one file, the environment and flags become one frozen value."""

from ca_core.config.access import ACLConfig, AuthorizeConfig
from ca_core.config.listen import Listen, TcpListen, UnixListen, parse_listen
from ca_core.config.load import find_config_file, load_config, parse_ca
from ca_core.config.model import (
    AgentConfig,
    CAConfig,
    Config,
    ConformanceConfig,
    LogConfig,
    PluginsConfig,
    RotationConfig,
    ServerConfig,
)
from ca_core.config.rereading import FollowedConfig
from ca_core.config.workloads import workload_uids

__all__ = [
    "ACLConfig",
    "AgentConfig",
    "AuthorizeConfig",
    "CAConfig",
    "Config",
    "ConformanceConfig",
    "FollowedConfig",
    "Listen",
    "LogConfig",
    "PluginsConfig",
    "RotationConfig",
    "ServerConfig",
    "TcpListen",
    "UnixListen",
    "find_config_file",
    "load_config",
    "parse_ca",
    "parse_listen",
    "workload_uids",
]
