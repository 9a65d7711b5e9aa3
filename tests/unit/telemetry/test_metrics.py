"""Metrics: parseable, bounded, and one set for each process object."""

from prometheus_client.openmetrics.parser import text_string_to_metric_families

from ca_core.telemetry.metrics import Metrics

BOUNDED = {"kind", "outcome", "authority", "plugin", "provider", "rule", "route", "status"}


def families(metrics):
    """Return what Prometheus reads."""
    body, content_type = metrics.exposition()
    assert content_type.startswith("application/openmetrics-text")
    return list(text_string_to_metric_families(body.decode()))


def test_two_objects_count_apart():
    """Two servers fit in one process."""
    one, two = Metrics(), Metrics()
    one.issued.labels("a1").inc()

    def counted(metrics):
        return metrics.registry.get_sample_value("ca_core_leaves_issued_total", {"authority": "a1"})

    assert (counted(one), counted(two)) == (1.0, None)


def test_labels_are_of_the_bounded_kinds():
    """Never a service, a node or an identity: those are without number."""
    metrics = Metrics()
    collectors = set(metrics.registry._collector_to_names)
    assert collectors
    for collector in collectors:
        assert set(collector._labelnames) <= BOUNDED


def test_the_text_is_openmetrics_and_every_metric_is_explained():
    """Each family has its help and our prefix."""
    found = families(Metrics())
    assert found
    for family in found:
        assert family.documentation
        assert family.name.startswith("ca_core_")


def test_what_is_overdue_is_asked_for_at_every_scrape():
    """An alert sees a root that nobody replaced, and sees when it was."""
    metrics, overdue = Metrics(), [True]
    metrics.show_overdue(lambda: bool(overdue))
    assert metrics.registry.get_sample_value("ca_core_rotation_overdue") == 1.0
    overdue.clear()
    assert metrics.registry.get_sample_value("ca_core_rotation_overdue") == 0.0
