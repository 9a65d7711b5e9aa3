"""Checks to come: intermediates."""

from ca_core.testing.conformance.check import Catalogue

CHECKS = Catalogue()
