"""Checks to come: signers."""

from ca_core.testing.conformance.check import Catalogue

CHECKS = Catalogue()
