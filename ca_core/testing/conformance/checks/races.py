"""Checks to come: races."""

from ca_core.testing.conformance.check import Catalogue

CHECKS = Catalogue()
