"""What a server shows of itself in its metrics."""

import math
from collections.abc import Callable

from cryptography import x509

from ca_core.acl.tokens import TOKENS
from ca_core.api.cataloguing import Cataloguing
from ca_core.api.serverleaf import ServerLeaf
from ca_core.authority.manager import CAManager
from ca_core.authority.opening import Counters
from ca_core.authority.rows import AuthorityRow, SignerRow, current_signer
from ca_core.catalog.index import Catalog
from ca_core.catalog.liveness import silent
from ca_core.catalog.rows import NODES
from ca_core.clock import Clock
from ca_core.errors import GuardError
from ca_core.lifecycle.figures import figures
from ca_core.lifecycle.lifecycle import Lifecycle
from ca_core.state.store import Store
from ca_core.telemetry.metrics import Metrics


def show_lifecycle(metrics: Metrics, lifecycle: Lifecycle) -> None:
    """Show how who signs changes, and whether a change is overdue."""
    metrics.show_changes(lambda: figures(lifecycle.tools, lifecycle.reissue))
    metrics.show_overdue(lambda: bool(lifecycle.schedule.overdue))


def show_expiries(metrics: Metrics, store: Store, leaf: ServerLeaf) -> None:
    """Show when what this server lives on ends, so that an alert can precede it."""

    def end_of(choose: Callable[[AuthorityRow, SignerRow], x509.Certificate]) -> float:
        current = current_signer(store.snapshot)
        return choose(*current).not_valid_after_utc.timestamp() if current else math.nan

    def own_end() -> float:
        return leaf.not_after.timestamp() if leaf.not_after else math.nan

    anchor, signer = "the root that signs now", "the current signer"
    metrics.show_expiry("anchor", anchor, lambda: end_of(lambda a, _: a.anchor_certificate))
    metrics.show_expiry("signer", signer, lambda: end_of(lambda _, s: s.certificates[0]))
    metrics.show_expiry("own_leaf", "this server's own leaf", own_end)


def show_credential(metrics: Metrics, manager: CAManager, clock: Clock) -> None:
    """Show how long the credential of the provider that signs still lives."""
    pulse = manager.pulse
    metrics.show_credential(lambda: manager.settings.provider, lambda: pulse.credential, clock)


def show_tokens(metrics: Metrics, store: Store) -> None:
    """Show how many tokens are stored."""
    metrics.show_tokens(lambda: len(store.snapshot.table(TOKENS)))


def show_catalog(metrics: Metrics, catalog: Cataloguing) -> None:
    """Show how large the catalog is, and whose agents are heard."""

    def now() -> Catalog:
        return catalog.following.now

    counts: dict[str, Callable[[], int]] = {
        "nodes": lambda: len(now().view.table(NODES)),
        "silent_nodes": lambda: sum(1 for _ in silent(now().view)),
        "services": lambda: len(now().by_service),
        "instances": lambda: len(now().placed),
        "parked_agents": lambda: catalog.liveness.count,
    }
    metrics.show_catalog(counts, lambda kind: counts[kind]())


def counters_of(metrics: Metrics) -> Counters:
    """Return what the manager tells about itself, as counters."""

    def violated(error: GuardError) -> None:
        metrics.violations.labels(error.provider, error.rule).inc()

    return Counters(
        on_violation=violated,
        on_issued=lambda authority: metrics.issued.labels(authority).inc(),
        on_bug=lambda provider: metrics.provider_bugs.labels(provider).inc(),
    )
