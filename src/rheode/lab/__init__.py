"""From the lab bench: raw instrument files to quantities with uncertainties, the simulation's inputs and its measure."""

from .analysis import Analysis, LabError, Value

__all__ = ["Analysis", "LabError", "Value"]
