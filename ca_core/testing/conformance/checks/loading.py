"""Checks to come: loading."""

from ca_core.testing.conformance.check import Catalogue

CHECKS = Catalogue()
