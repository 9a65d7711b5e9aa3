"""The faults that the tutorial proposes are caught by the checks that it names."""

import dataclasses
import re
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from ca_core.contract import ROOT, KeySpec, TrustChain, generate_key, issue_leaf, issue_root
from ca_core.testing import FakeClock
from ca_core.testing.conformance import Level, Outcome, ProviderUnderTest, run_conformance
from tests.docs.printed import PAGE, module_of, tutorial_source

PRINTED = module_of(tutorial_source(), "ca_provider_example")
ROWS = re.findall(r"^\| (.+?) \| ((?:`[a-z-]+\.[a-z-]+`(?:, )?)+)(.*) \|$", PAGE, re.MULTILINE)
CAUGHT = {what: re.findall(r"`([^`]+)`", ids) for what, ids, _ in ROWS}


class NewRootEachTime(PRINTED.Example):
    """Makes a root whenever it is asked."""

    def ensure_authority(self, request):
        """Forget the root that there is."""
        self._kept.claim(ROOT, request.key)
        now, key = self._context.clock.now(), generate_key(request.key)
        label, domain = request.id, request.trust_domain
        root = issue_root(key, trust_domain=domain, label=label, now=now, ttl=request.ttl)
        return TrustChain((root,))


class NewestSigns(PRINTED.Example):
    """Signs with what was prepared last."""

    def prepare_signer(self, request):
        """Remember it."""
        made = super().prepare_signer(request)
        self.newest = request.id
        return made

    def sign_leaf(self, request):
        """Ignore who is named, as long as it exists."""
        self._kept.signer(request.signer)
        newest = getattr(self, "newest", request.signer)
        return issue_leaf(self._kept.signer(newest).pair, request)


class MachineClock(PRINTED.Example):
    """Looks at the machine's clock."""

    def __init__(self, context):
        clock = SimpleNamespace(now=lambda: datetime.now(UTC))
        super().__init__(dataclasses.replace(context, clock=clock))


class RetiresNothing(PRINTED.Example):
    """Does nothing when it is retired."""

    def retire(self, request):
        """Keep everything."""


FAULTS = {
    "`ensure_authority` makes a new root each time": NewRootEachTime,
    "`sign_leaf` ignores `request.signer` and signs with the newest": NewestSigns,
    "`datetime.now(UTC)` instead of the context's clock": MachineClock,
    "`retire` removes nothing": RetiresNothing,
}


def test_every_proposed_fault_is_tried_here():
    """The table of the page and the classes of this module are one list."""
    assert set(CAUGHT) == set(FAULTS)


@pytest.mark.parametrize("what", FAULTS)
def test_a_proposed_fault_is_caught_by_the_named_checks(what):
    """Whoever breaks it so sees these ids fail."""
    kind = FAULTS[what]
    plugin = dataclasses.replace(
        PRINTED.ca_provider(), create=lambda _config, context: kind(context)
    )
    subject = ProviderUnderTest(
        provider=plugin, make_config=lambda _address: {}, clock=FakeClock(), keys=(KeySpec(),)
    )
    failed = {one.check.id for one in run_conformance(subject, level=Level.L2).of(Outcome.FAILED)}
    assert set(CAUGHT[what]) - failed == set()
