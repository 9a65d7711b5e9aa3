"""How a change of who signs looks in metrics."""

from ca_core.telemetry.changes import ChangeFigures
from ca_core.telemetry.metrics import Metrics


def test_a_change_is_shown_as_it_stands_at_the_scrape():
    """Kind and phase are labels of one gauge; when nothing is open there is none."""
    now = [ChangeFigures()]
    metrics = Metrics()
    metrics.show_changes(lambda: now[0])

    def shown(name, **labels):
        return metrics.registry.get_sample_value(f"ca_core_{name}", labels)

    assert shown("operation_phase", kind="swap", phase="distributed") is None
    assert shown("agents_missing") == 0
    now[0] = ChangeFigures(
        kind="swap",
        phase="distributed",
        seconds=12.5,
        counted=10,
        missing=3,
        to_reissue=40,
        authorities={"signing": 1, "trusted": 1, "draining": 0},
        leftovers=2,
    )
    assert shown("operation_phase", kind="swap", phase="distributed") == 1
    assert shown("operation_phase_seconds") == 12.5
    assert (shown("agents_counted"), shown("agents_missing")) == (10, 3)
    assert (shown("leaves_to_reissue"), shown("leftovers")) == (40, 2)
    assert shown("authorities", phase="trusted") == 1
    assert shown("authorities", phase="draining") == 0
    assert b"ca_core_operation_phase_seconds" in metrics.exposition()[0]


def test_what_is_over_is_counted_by_kind_and_outcome():
    """An alert on failed changes needs no log."""
    metrics = Metrics()
    metrics.operations.labels("renew", "failed").inc()
    labels = {"kind": "renew", "outcome": "failed"}
    assert metrics.registry.get_sample_value("ca_core_operations_total", labels) == 1
