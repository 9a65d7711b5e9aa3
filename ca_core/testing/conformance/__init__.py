"""Provider conformance: every rule of the contract as a check that any provider can be run by.

One engine, ``run_conformance``, is behind the pytest class, the command line and the library call.
"""

from ca_core.testing.conformance.arena import Arena
from ca_core.testing.conformance.catalogue import CHECKS
from ca_core.testing.conformance.check import Catalogue, Check
from ca_core.testing.conformance.mesh import Cluster, Mesh
from ca_core.testing.conformance.results import Report, Result
from ca_core.testing.conformance.running import Runner, run_conformance
from ca_core.testing.conformance.subject import DEFAULT_KEYS, ProviderUnderTest
from ca_core.testing.conformance.verdict import Violation
from ca_core.testing.conformance.words import Level, Need, Outcome

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
    "ProviderUnderTest",
    "Report",
    "Result",
    "Runner",
    "Violation",
    "run_conformance",
]
