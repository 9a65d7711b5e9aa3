"""Checks to come: soak."""

from ca_core.testing.conformance.check import Catalogue

CHECKS = Catalogue()
