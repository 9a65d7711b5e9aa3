"""Checks to come: timing."""

from ca_core.testing.conformance.check import Catalogue

CHECKS = Catalogue()
