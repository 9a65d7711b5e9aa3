"""A provider's credential as programs get it: in words, and whether it is well.

``Ends`` and ``HoursLeft`` (None: it never expires), ``Failures`` in a row, ``LastError``; None for
the whole if the provider has none yet. Both the status of a server and ``provider check`` have it.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from ca_core.cli.times import span_text

Told = Mapping[str, Any] | None


def is_dead(found: Told) -> bool:
    """Say whether there is none that works any more."""
    return found is not None and found["HoursLeft"] == 0


def is_well(found: Told) -> bool:
    """Say whether it lives and can be renewed, as far as is known.

    Hours alone are no warning: whoever renews a token of one hour never has more.
    """
    return found is None or not (is_dead(found) or found["Failures"])


def in_words(found: Told) -> str:
    """Return a credential in one sentence, for example ``lives for 2 h 59 min``."""
    if found is None:
        return "none in use"
    life, failures = _life(found["HoursLeft"]), found["Failures"]
    if not failures:
        return life
    times = "once" if failures == 1 else f"{failures} times in a row"
    return f"{life}; its renewal failed {times}: {found['LastError'] or 'no reason is given'}"


def _life(hours: float | None) -> str:
    if hours is None:
        return "never expires"
    return f"lives for {span_text(timedelta(hours=hours))}" if hours else "has expired"
