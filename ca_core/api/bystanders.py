"""From ``[plugins]`` to the plugins that review leaves and are told events."""

from ca_core.authority.bystanders import Bystanders
from ca_core.authority.events import EventCounters, Events
from ca_core.authority.registry import Registry
from ca_core.authority.reviewing import ReviewCounters
from ca_core.authority.reviews import ReviewPolicy, Reviews
from ca_core.clock import Clock
from ca_core.config.model import PluginsConfig
from ca_core.telemetry.metrics import Metrics


def bystanders_of(
    config: PluginsConfig, registry: Registry, clock: Clock, metrics: Metrics
) -> Bystanders:
    """Import every enabled plugin, and nothing that is not enabled.

    Raises:
        PluginError: one cannot be used. Whoever asked for a review must not run without it.
    """
    plugins = tuple(registry.hook_plugin(name) for name in config.enabled)
    events = Events(
        plugins,
        clock,
        EventCounters(
            on_dropped=lambda plugin: metrics.events_dropped.labels(plugin).inc(),
            on_failed=lambda plugin: metrics.event_failures.labels(plugin).inc(),
        ),
    )
    policy = ReviewPolicy(denies_on_error=config.on_error == "deny", budget=config.review_budget)
    reviews = Reviews(
        plugins, clock=clock, policy=policy, counters=_counters(metrics), events=events
    )
    metrics.show_switched_off(
        lambda: {one.origin.name: bool(one.why_off) for one in reviews.states()}
    )
    return Bystanders(reviews=reviews, events=events)


def _counters(metrics: Metrics) -> ReviewCounters:
    return ReviewCounters(
        on_denied=lambda plugin: metrics.review_denials.labels(plugin).inc(),
        on_failed=lambda plugin: metrics.review_failures.labels(plugin).inc(),
        on_late=lambda plugin: metrics.reviews_late.labels(plugin).inc(),
    )
