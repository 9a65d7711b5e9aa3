"""Every check there is."""

from ca_core.testing.conformance.check import Catalogue
from ca_core.testing.conformance.checks import (
    authorities,
    connections,
    crosses,
    crowds,
    descriptions,
    faults,
    hostility,
    intermediates,
    leaves,
    loading,
    names,
    races,
    restarts,
    revocation,
    rotation,
    secondaries,
    signers,
    soak,
    templates,
    timing,
    writes,
)

CHECKS = Catalogue()
"""All of them; each module of ``checks`` brings its own, by area."""

for _area in (
    loading,
    descriptions,
    authorities,
    signers,
    leaves,
    names,
    templates,
    connections,
    intermediates,
    crosses,
    revocation,
    restarts,
    timing,
    rotation,
    secondaries,
    races,
    crowds,
    writes,
    faults,
    hostility,
    soak,
):
    CHECKS.include(_area.CHECKS)
