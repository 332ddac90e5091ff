# `make demo` and `make test` set up everything they need in .venv; PYTHON chooses the interpreter.
PYTHON ?= python3
BIN := .venv/bin
comma := ,
# MKL's solver is the fastest where it exists; without it rheode falls back to QDLDL.
EXTRAS := lab$(comma)test$(if $(filter x86_64 AMD64,$(shell uname -m)),$(comma)mkl)

.PHONY: demo test verify bench clean

demo: .venv/.installed
	$(BIN)/rheode run se-60mse -o runs/se-60mse --overwrite

test: .venv/.installed
	$(BIN)/python -m pytest -q -m "not verify"

verify: .venv/.installed
	$(BIN)/python -m pytest -q -m verify

bench: .venv/.installed
	$(BIN)/python benchmarks/robustness.py && $(BIN)/python benchmarks/results.py

.venv/.installed: pyproject.toml requirements.lock
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable ".[$(EXTRAS)]"
	touch $@

clean:
	rm -rf .venv build dist
