"""Another configuration while the first authority is still being made: it is begun anew.

A wrong address or a missing permission at the first start must not hold a cluster up for ever.
Nobody trusts that authority yet, so nothing is changed over: the backend is to remove what it may
hold of it, and another one is made under other ids.
"""

from datetime import datetime

from ca_core.authority.rows import (
    BOOTSTRAP,
    CONFIGURATION,
    CONFIGURATION_TOPIC,
    CONFIGURATIONS,
    CURRENT,
    ROOTS_TOPIC,
    SIGNERS_TOPIC,
    BootstrapRow,
    ConfigurationRow,
    read,
)
from ca_core.lifecycle.draft import Draft, rows_of_authority
from ca_core.state.protocol import ABSENT, Transaction
from ca_core.state.view import View


def begun_anew(
    view: View, configuration: ConfigurationRow, ids: BootstrapRow, now: datetime
) -> Transaction:
    """Let the first authority be made under another configuration and other ids.

    The commit expects that nothing signs yet.

    Args:
        view: what it was decided on.
        configuration: the one that is to stand.
        ids: drawn just now.
        now: aware UTC.
    """
    draft = Draft(view)
    draft.expect[CURRENT, "signer"] = ABSENT
    _leave_what_was_begun(draft, now)
    draft.write(BOOTSTRAP, "first", ids)
    draft.write(CONFIGURATIONS, configuration.id, configuration)
    draft.write(CONFIGURATION, "ca", configuration)
    draft.topics |= {ROOTS_TOPIC, SIGNERS_TOPIC, CONFIGURATION_TOPIC}
    return draft.done(None)


def _leave_what_was_begun(draft: Draft, now: datetime) -> None:
    view = draft.view
    drawn = read(view, BootstrapRow, BOOTSTRAP, "first")
    standing = read(view, ConfigurationRow, CONFIGURATION, "ca")
    if drawn is None or standing is None:
        return
    draft.leave(drawn.authority, standing.id, now)
    for table, key in rows_of_authority(view, drawn.authority):
        draft.remove(table, key)
