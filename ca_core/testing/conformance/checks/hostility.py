"""Checks to come: hostility."""

from ca_core.testing.conformance.check import Catalogue

CHECKS = Catalogue()
