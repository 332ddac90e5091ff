"""Finite-strain mechanics of solids that grow, creep and touch.

Everything physical is a potential (`potential.py`); the minimiser
(`minimiser.py`) sees a list of them and nothing else.  Nothing here knows of
batteries: phases, law parameters and growth come in as arrays.
Units: um, GPa, s; energies are GPa um^2 per um of depth.
"""
