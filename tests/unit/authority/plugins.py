"""Hook plugins for tests: objects with one hook each, loaded as an embedding program would."""

from datetime import UTC, datetime

from ca_core.authority.registry import Registry
from ca_core.contract import Event, IssuanceReview, ServiceId, Verdict, hookimpl
from tests.unit.authority.cluster import DOMAIN

REVIEW = IssuanceReview(
    identity=ServiceId(trust_domain=DOMAIN, datacenter="dc1", service="web"),
    dns_names=("web.internal",),
    ip_addresses=("10.0.0.1",),
    principal="node web-1",
    not_after=datetime(2030, 1, 2, tzinfo=UTC),
    authority="ca-1",
)


class Reviewing:
    """A plugin that reviews with a function, and remembers what it was asked."""

    def __init__(self, say=lambda review: None):
        self.seen = []
        self._say = say

    @hookimpl
    def ca_review_issuance(self, review: IssuanceReview) -> Verdict | None:
        self.seen.append(review)
        return self._say(review)


class Observing:
    """A plugin that observes with a function, and remembers what it was told."""

    def __init__(self, hear=lambda event: None):
        self.heard = []
        self._hear = hear

    @hookimpl
    def ca_event(self, event: Event) -> None:
        self.heard.append(event)
        self._hear(event)


def denying(reason="not today"):
    """Return a plugin that denies every leaf."""
    return Reviewing(lambda review: Verdict(allow=False, reason=reason))


def raising(error):
    """Return a plugin that raises when it is asked."""

    def say(_review):
        raise error

    return Reviewing(say)


def loaded(**plugins):
    """Return hook plugins by name, in the order given."""
    registry = Registry(entry_points=(), extra_hooks=plugins)
    return tuple(registry.hook_plugin(name) for name in plugins)
