"""Checks to come: revocation."""

from ca_core.testing.conformance.check import Catalogue

CHECKS = Catalogue()
