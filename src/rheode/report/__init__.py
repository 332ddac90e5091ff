"""The report of a run: figures, a movie and a self-contained page; and the comparison of several runs."""

__all__ = ["compare", "write"]


def write(directory):
    """Write `report.html`, figures/ (PDF and PNG) and `result.vtkhdf` for ParaView into the folder of a run.

    Returns the path of the page.

    Works on a run that is still going or was stopped: the page says so. Raises rheode.result.ResultError where
    the folder is no run or nothing was stored.
    """
    from ..result import Result
    from . import page, vtkhdf

    path = page.write(directory)
    result = Result(directory)
    vtkhdf.write(result, result.directory / "result.vtkhdf")
    return path


def compare(directories, out=None):
    """Runs side by side; see `rheode.report.comparison`."""
    from .comparison import compare

    return compare(directories, out)
