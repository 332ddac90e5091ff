"""Direct solvers for the sparse symmetric system of a Newton step.

One interface: `analyse` a sparsity once, `factor` values and learn whether the matrix is positive
definite, `solve` where it is.
The matrix is given as the upper triangle in CSR with sorted columns and a full diagonal.
"""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import functools
import importlib.metadata
import importlib.util
import os

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import splu


# Threads of a factorisation, the same on every machine and under any load: its last digits depend on their number (3e-13).
# At 10 000 unknowns it takes 4.7 ms on one, 3.2 ms on two. Benchmarks of CPU time set it to 1.
THREADS = 2

# MKL's name for results that do not vary from run to run on one machine.
REPRODUCIBLE = 2

# PARDISO's name of a matrix type, and its error where the matrix is not of it.
POSITIVE_DEFINITE, INDEFINITE = 2, -4


@functools.cache
def _mkl_path():
    """Where MKL's runtime library is: in the installed package `mkl`, or where the system keeps it. None without."""
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        for file in importlib.metadata.files("mkl") or ():
            if "mkl_rt" in file.name and (".so" in file.name or ".dll" in file.name or ".dylib" in file.name):
                return str(file.locate())
    return ctypes.util.find_library("mkl_rt")


@functools.cache
def _mkl():
    os.environ.setdefault("KMP_BLOCKTIME", "0")  # threads that wait sleep: by default they spin for 200 ms
    return ctypes.CDLL(_mkl_path())


class Pardiso:
    """MKL PARDISO, Cholesky: the fastest on x86 (optional). LDL^T with Bunch-Kaufman pivots takes 1.5 times as long."""

    name = "pardiso"

    def __init__(self):
        library = _mkl()
        if THREADS == 1:
            library.MKL_Set_Threading_Layer(1)  # sequential
        library.MKL_Set_Dynamic(0)  # not fewer on a busy machine
        library.MKL_CBWR_Set(REPRODUCIBLE)
        library.MKL_Set_Num_Threads(THREADS)
        self._pardiso = library.pardiso
        self._handle = None

    def analyse(self, indptr, indices):
        self.close()
        self.n = len(indptr) - 1
        self._ia = np.ascontiguousarray(indptr + 1, dtype=np.int32)
        self._ja = np.ascontiguousarray(indices + 1, dtype=np.int32)
        self._handle = np.zeros(64, dtype=np.int64)
        self._iparm = np.zeros(64, dtype=np.int32)
        self._iparm[0] = 1  # values below, not defaults
        self._iparm[1] = 2  # nested dissection (METIS)
        self._iparm[7] = 0  # no iterative refinement: Newton's next iteration is one
        self._iparm[23] = 1  # two-level parallel factorisation
        self._iparm[33] = THREADS  # whose order of operations is that of so many threads
        self._call(11, np.zeros(len(indices)), np.zeros(self.n))

    def factor(self, values) -> bool:
        """Whether the matrix is positive definite; only then can it be solved with."""
        self._values = np.ascontiguousarray(values)
        return self._call(22, self._values, np.zeros(self.n)) is not None

    def solve(self, rhs):
        return self._call(33, self._values, rhs)

    def _call(self, phase, values, rhs):
        rhs = np.ascontiguousarray(rhs, dtype=float)
        solution = np.zeros_like(rhs)
        error = ctypes.c_int32(0)
        integer = lambda value: ctypes.byref(ctypes.c_int32(value))  # noqa: E731
        pointer = lambda array: array.ctypes.data_as(ctypes.c_void_p)  # noqa: E731
        ints = lambda array: array.ctypes.data_as(ctypes.POINTER(ctypes.c_int32))  # noqa: E731
        self._pardiso(
            self._handle.ctypes.data_as(ctypes.POINTER(ctypes.c_int64)),
            integer(1), integer(1), integer(POSITIVE_DEFINITE), integer(phase), integer(self.n),
            pointer(values), ints(self._ia), ints(self._ja), ints(np.zeros(0, np.int32)),
            integer(1), ints(self._iparm), integer(0), pointer(rhs), pointer(solution), ctypes.byref(error),
        )  # fmt: skip
        if error.value == INDEFINITE:
            return None
        if error.value:
            raise ArithmeticError(f"PARDISO failed in phase {phase} with error {error.value}")
        return solution

    def close(self):
        if self._handle is not None:
            self._call(-1, np.zeros(1), np.zeros(self.n))
            self._handle = None

    def __del__(self):
        try:
            self.close()
        except Exception:
            pass


class Qdldl:
    """QDLDL with an AMD ordering: small and permissive; the signs of D tell whether the matrix is definite."""

    name = "qdldl"

    def analyse(self, indptr, indices):
        self.n = len(indptr) - 1
        # CSR of the upper triangle is CSC of the lower one; qdldl takes the upper in CSC.
        self._pattern = sp.csr_matrix((np.arange(1.0, len(indices) + 1), indices, indptr), (self.n, self.n)).tocsc()
        self._order = self._pattern.data.astype(np.int64) - 1
        self._solver = None

    def factor(self, values) -> bool:
        import qdldl

        matrix = sp.csc_matrix((values[self._order], self._pattern.indices, self._pattern.indptr), (self.n, self.n))
        try:
            if self._solver is None:
                self._solver = qdldl.Solver(matrix, upper=True)
            else:
                self._solver.update(matrix, upper=True)
        except RuntimeError:  # a zero pivot: not positive definite
            self._solver = None
            return False
        return bool((self._solver.factors()[1] > 0).all())

    def solve(self, rhs):
        return self._solver.solve(np.ascontiguousarray(rhs))


class SuperLU:
    """SciPy's SuperLU, always there.  Symmetric mode: where no rows are exchanged U's diagonal has the signs of the pivots."""

    name = "superlu"

    def analyse(self, indptr, indices):
        self.n = len(indptr) - 1
        upper = sp.csr_matrix((np.arange(1.0, len(indices) + 1), indices, indptr), (self.n, self.n))
        full = (upper + sp.triu(upper, 1).T).tocsc()
        self._full, self._order = full, full.data.astype(np.int64) - 1

    def factor(self, values) -> bool:
        matrix = sp.csc_matrix((values[self._order], self._full.indices, self._full.indptr), self._full.shape)
        try:
            self._lu = splu(
                matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
            )
        except RuntimeError:
            return False
        exchanged = not np.array_equal(self._lu.perm_r, self._lu.perm_c)
        return not exchanged and bool((self._lu.U.diagonal() > 0).all())

    def solve(self, rhs):
        return self._lu.solve(rhs)


SOLVERS = {solver.name: solver for solver in (Pardiso, Qdldl, SuperLU)}


def installed(name: str) -> bool:
    """Whether what the named solver needs is there."""
    needs = {"pardiso": _mkl_path, "qdldl": lambda: importlib.util.find_spec("qdldl"), "superlu": lambda: True}
    return bool(needs[name]())


def linear_solver(name: str = "auto"):
    """The named solver, or the fastest that is installed.

    Raises ValueError for an unknown name and ImportError for one that is not installed.
    """
    if name == "auto":
        name = next(filter(installed, SOLVERS))
    if name not in SOLVERS:
        raise ValueError(f"unknown linear solver {name!r}; allowed: auto, {', '.join(SOLVERS)}")
    if not installed(name):
        raise ImportError(f"the linear solver {name} is not installed (pip install rheode[mkl] brings pardiso)")
    return SOLVERS[name]()
