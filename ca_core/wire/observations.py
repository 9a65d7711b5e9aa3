"""What would have been denied, from agents to the server and on to people; ours."""

from datetime import datetime

import msgspec


class ObservedBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often one source would have been denied.

    Attributes:
        source, destination: services, as ``svc`` or ``ns/svc``.
        rule: the intention that would have denied, with the position of its permission.
        count, error: it was between ``count - error`` and ``count`` times.
        last: when last, UTC.
    """

    source: str = msgspec.field(name="Source")
    destination: str = msgspec.field(name="Destination")
    rule: str = msgspec.field(name="Rule")
    count: int = msgspec.field(name="Count")
    error: int = msgspec.field(name="Error", default=0)
    last: datetime = msgspec.field(name="Last")


class ObservedAnswer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Counts, the most frequent first; what is not listed was seen ``unlisted`` times at most.

    An agent reports in this form too: what it counted since its last report.
    """

    observed: tuple[ObservedBody, ...] = msgspec.field(name="Observed", default=())
    unlisted: int = msgspec.field(name="Unlisted", default=0)
