"""The conformance report of the built-in provider, made by the kit whenever this is asked."""

from ca_core.testing import FakeClock
from ca_core.testing.conformance import Level, ProviderUnderTest, run_conformance
from ca_core.testing.conformance.reports.markdown import markdown


def builtin_report() -> str:
    """Return what the kit finds up to L3, without times and without its first heading."""
    subject = ProviderUnderTest(
        provider="builtin",
        make_config=lambda _address: {},
        other_config=lambda: {"intermediates": False},
        clock=FakeClock(),
    )
    text = markdown(run_conformance(subject, level=Level.L3), timed=False)
    return text.partition("\n\n")[2]
