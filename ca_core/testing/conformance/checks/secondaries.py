"""Checks to come: secondaries."""

from ca_core.testing.conformance.check import Catalogue

CHECKS = Catalogue()
