"""From a ``[ca]`` section, of the file or of a request, to the settings that the CA works with."""

from ca_core.authority.settings import CASettings
from ca_core.config.model import CAConfig
from ca_core.identity.keys import parse_key_spec


def settings_from(ca: CAConfig) -> CASettings:
    """Return the section as the manager works with it; TTL rules were checked on reading.

    Raises:
        ConfigError: a key type or size that does not exist.
    """
    return CASettings(
        provider=ca.provider,
        config=ca.config,
        leaf_ttl=ca.leaf_ttl,
        root_ttl=ca.root_ttl,
        intermediate_ttl=ca.intermediate_ttl,
        key=parse_key_spec(ca.key_type, ca.key_bits),
        csr_max_per_second=ca.csr_max_per_second,
        trust_corporate_root=ca.trust_corporate_root,
        strict_key_usage=ca.strict_key_usage,
    )
