"""Who this cluster is: drawn at the very first start, the same for ever after."""

import uuid

from ca_core.authority.rows import CLUSTER, ClusterRow, decoded, encoded
from ca_core.clock import Clock
from ca_core.errors import ConfigError
from ca_core.identity.spiffe import TrustDomain
from ca_core.state.store import Store


def ensure_cluster(
    store: Store, clock: Clock, *, datacenter: str, domain: TrustDomain | None
) -> ClusterRow:
    """Return who this cluster is, drawing a trust domain at the very first start. Blocks.

    Raises:
        ConfigError: the configuration names another trust domain or datacenter than the store.
    """
    name = domain.name if domain else f"{uuid.uuid4()}.consul"
    fresh = ClusterRow(trust_domain=name, datacenter=datacenter, created=clock.now())
    row = decoded(ClusterRow, store.create(CLUSTER, "identity", encoded(fresh)))
    for where, asked, standing in (
        ("server.trust_domain", domain.name if domain else row.trust_domain, row.trust_domain),
        ("datacenter", datacenter, row.datacenter),
    ):
        if asked != standing:
            raise ConfigError(
                f"this data belongs to {standing!r}, not {asked!r}",
                where=where,
                hint="use the old value, or another data_dir",
            )
    return row
