"""Every deliberately broken provider; each module has its own in ``BROKEN``."""

from tests.conformance.broken import (
    authorities,
    crowds,
    descriptions,
    faults,
    hostility,
    intermediates,
    leaves,
    loading,
    races,
    restarts,
    revocation,
    rotation,
    secondaries,
    signers,
    timing,
    writes,
)

MODULES = (
    loading,
    descriptions,
    authorities,
    signers,
    leaves,
    intermediates,
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
)

BROKEN = tuple(broken for module in MODULES for broken in module.BROKEN)
