"""Checks to come: faults."""

from ca_core.testing.conformance.check import Catalogue

CHECKS = Catalogue()
