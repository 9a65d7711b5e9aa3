"""Changing who signs: operations with phases, evidence, and a way back at every step."""
