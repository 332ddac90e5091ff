"""Cycling an electrode: the protocol, the model of a study, and the run."""

from rheode.cycling.baseline import free_disc
from rheode.cycling.simulation import Progress, RunStopped, Simulation, resume

__all__ = ["Progress", "RunStopped", "Simulation", "free_disc", "resume"]
