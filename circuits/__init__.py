"""Circuits: one file a circuit."""
