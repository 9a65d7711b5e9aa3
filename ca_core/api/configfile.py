"""The configuration file beside what stands in the store: how it differs, and applying it.

The store is the truth; the file seeds the first start. Nothing but a SIGHUP or a request applies it
later.
"""

import asyncio
import logging
from collections.abc import Callable

from ca_core.api.casettings import settings_from
from ca_core.authority.configuration import digest_of
from ca_core.authority.opening import Opener
from ca_core.authority.settings import CASettings
from ca_core.config.model import Config
from ca_core.errors import Error
from ca_core.lifecycle.changes import Changes
from ca_core.lifecycle.rows import Wishes

ACTOR = "SIGHUP"

_log = logging.getLogger("ca_core.api")


class ConfigurationFile:
    """The ``[ca]`` section as it is read now. Lives on one event loop.

    Attributes:
        load: reads file, environment and flags anew; blocks, raises ``ConfigError``.
    """

    def __init__(
        self, load: Callable[[], Config], changes: Changes, opener: Opener, wishes: Wishes
    ) -> None:
        self.load = load
        self._changes = changes
        self._opener = opener
        self._wishes = wishes

    def drift(self) -> str:
        """Return how the file differs from what was applied last; '' if it does not. Blocks."""
        try:
            return _DRIFTED if self._differs(self._settings()) else ""
        except Error as error:
            return f"the configuration file cannot be read: {error}"

    async def applied(self) -> None:
        """Begin the change to what stands in the file, if it was not applied yet; log the outcome.

        Nothing is raised: whoever sent the signal reads logs.
        """
        try:
            settings = await asyncio.to_thread(self._settings)
            if not self._differs(settings):
                _log.info("the [ca] section is the one that was applied last: nothing changes")
                return
            row = await self._changes.apply(
                settings, actor=ACTOR, wishes=self._wishes, from_file=True
            )
        except Error as error:
            _log.error("the [ca] section is not applied: %s", error)
            return
        if row is None:
            _log.info("the [ca] section says what stands already: nothing changes")
        else:
            _log.info("operation %s (%s): began, because the file changed", row.id, row.kind)

    def _settings(self) -> CASettings:
        return settings_from(self.load().ca)

    def _differs(self, settings: CASettings) -> bool:
        return digest_of(settings) != self._opener.configuration().file_digest


_DRIFTED = (
    "the [ca] section of the configuration file differs from the one that was applied last;"
    " `ca-core ca apply --from-file` or SIGHUP applies it"
)
