"""The report of a run: figures, a movie and a self-contained page; and the comparison of several runs."""

__all__ = ["compare", "write"]


def write(directory):
    """Write `report.html` (and figures/ beside it, PDF and PNG) for the run in `directory`; returns its path.

    Works on a run that is still going or was stopped: the page says so. Raises rheode.result.ResultError where
    the folder is no run or nothing was stored.
    """
    from .page import write

    return write(directory)


def compare(directories, out=None):
    """Runs side by side; see `rheode.report.comparison`."""
    from .comparison import compare

    return compare(directories, out)
