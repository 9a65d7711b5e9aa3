"""Checks to come: authorities."""

from ca_core.testing.conformance.check import Catalogue

CHECKS = Catalogue()
