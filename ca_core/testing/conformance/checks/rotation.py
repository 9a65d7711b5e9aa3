"""Checks to come: rotation."""

from ca_core.testing.conformance.check import Catalogue

CHECKS = Catalogue()
