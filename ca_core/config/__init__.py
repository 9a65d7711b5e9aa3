"""Configuration: one file, the environment and flags become one frozen value."""

from ca_core.config.listen import Listen, TcpListen, UnixListen, parse_listen
from ca_core.config.load import find_config_file, load_config
from ca_core.config.model import (
    AgentConfig,
    CAConfig,
    Config,
    ConformanceConfig,
    LogConfig,
    PluginsConfig,
    ServerConfig,
)
from ca_core.config.workloads import workload_uids

__all__ = [
    "AgentConfig",
    "CAConfig",
    "Config",
    "ConformanceConfig",
    "Listen",
    "LogConfig",
    "PluginsConfig",
    "ServerConfig",
    "TcpListen",
    "UnixListen",
    "find_config_file",
    "load_config",
    "parse_listen",
    "workload_uids",
]
