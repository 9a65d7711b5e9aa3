"""Provider conformance: every rule of the contract as a check that any provider can be run by.

One engine, ``run_conformance``, is behind the pytest class, the command line and the library call.
``ProviderConformance``, the class, needs pytest; nothing else here does.
"""

from typing import TYPE_CHECKING, Any

from ca_core.testing.conformance.arena import Arena
from ca_core.testing.conformance.catalogue import CHECKS
from ca_core.testing.conformance.check import Catalogue, Check
from ca_core.testing.conformance.mesh import Cluster, Mesh
from ca_core.testing.conformance.results import Report, Result
from ca_core.testing.conformance.running import Runner, run_conformance
from ca_core.testing.conformance.subject import DEFAULT_KEYS, ProviderUnderTest
from ca_core.testing.conformance.verdict import Violation
from ca_core.testing.conformance.words import Level, Need, Outcome

if TYPE_CHECKING:
    from ca_core.testing.conformance.suite import ProviderConformance

__all__ = [
    "CHECKS",
    "DEFAULT_KEYS",
    "Arena",
    "Catalogue",
    "Check",
    "Cluster",
    "Level",
    "Mesh",
    "Need",
    "Outcome",
    "ProviderConformance",
    "ProviderUnderTest",
    "Report",
    "Result",
    "Runner",
    "Violation",
    "run_conformance",
]


def __getattr__(name: str) -> Any:
    """Import the pytest class when it is asked for: programs that run checks need no pytest."""
    if name != "ProviderConformance":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from ca_core.testing.conformance.suite import (  # noqa: PLC0415 - see above
            ProviderConformance,
        )
    except ModuleNotFoundError as error:
        if error.name != "pytest":
            raise
        text = "ProviderConformance needs pytest: pip install 'ca-core[testing]'"
        raise ImportError(text, name=error.name) from error
    return ProviderConformance
