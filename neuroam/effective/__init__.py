"""Effective models: what a circuit computes when a population is integrated out."""
