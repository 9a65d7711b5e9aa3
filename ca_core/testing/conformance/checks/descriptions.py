"""Checks to come: descriptions."""

from ca_core.testing.conformance.check import Catalogue

CHECKS = Catalogue()
