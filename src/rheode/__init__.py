"""rheode: what creep, contact, pores and stack pressure do to a solid-state battery electrode."""

from importlib import import_module

__version__ = "0.1.0"

# Resolved on first use, so that `import rheode` and the command line start at once.
_PUBLIC = {"Study": "rheode.study", "Design": "rheode.electrode.design", "Simulation": "rheode.cycling", "Result": "rheode.result"}
__all__ = ["Study", "Design", "Simulation", "Result", "__version__"]


def __getattr__(name):
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'rheode' has no attribute {name!r}")
