"""Local rules that another configuration may replace while they are asked."""

from ca_core.acl.access import Action, May
from ca_core.acl.principal import Principal


class Replaceable:
    """A ``May`` that asks other rules from one moment to the next. Used from one event loop."""

    def __init__(self, rules: May) -> None:
        self._rules = rules

    def __call__(self, caller: Principal, action: Action, name: str) -> bool:
        """Say whether ``caller`` may do ``action`` on ``name``, by the rules that hold now."""
        return self._rules(caller, action, name)

    @property
    def now(self) -> May:
        """Return the rules that hold now."""
        return self._rules

    def replace(self, rules: May) -> None:
        """Ask these from now on."""
        self._rules = rules
