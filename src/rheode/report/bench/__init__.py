"""Figures of the lab bench: one file a group of analyses, each drawn from its `Analysis` alone."""
