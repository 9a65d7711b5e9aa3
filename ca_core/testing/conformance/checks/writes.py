"""Checks to come: writes."""

from ca_core.testing.conformance.check import Catalogue

CHECKS = Catalogue()
