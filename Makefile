# `make run` and `make test` need Python 3.11 or newer with pip, nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export MPLBACKEND := Agg

.PHONY: help run test processors slow faults bench lint docs clean

help:
	@echo "make run    compute a real f(n_s, tau_s) curve: table and picture in results/f_curve"
	@echo "make test   the test suite, compiled, then the kernels as plain Python"
	@echo "make lint   format, lint and types"
	@echo "make processors   the suite on other BLAS kernels, the kernels on a generic processor"
	@echo "make slow   the long checks"
	@echo "make faults kills, failing disks, flipped bits, hostile files and command lines: hours"
	@echo "make bench  side-by-side measurements of everything: runs/benchmarks"
	@echo "make docs   the reference site in build/docs, its lessons run at small size"

# One virtual environment, made anew when pyproject.toml changes.
$(VENV)/.ready: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "hopnet needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; set PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	touch $@

run: $(VENV)/.ready
	$(BIN)/hopnet run runs/f_curve.toml --out results/f_curve

test: $(VENV)/.ready
	$(BIN)/python -m pytest --durations=10
	NUMBA_DISABLE_JIT=1 $(BIN)/python -m pytest -m 'kernel and not slow'

# Other processors: OpenBLAS picks its kernels by these names, Numba its instructions.
processors: $(VENV)/.ready
	for core in Haswell SkylakeX Nehalem; do \
		echo "BLAS kernels of $$core"; \
		OPENBLAS_CORETYPE=$$core $(BIN)/python -m pytest || exit 1; \
	done
	cache=$$(mktemp -d); echo "kernels for a generic processor"; \
	NUMBA_CACHE_DIR=$$cache NUMBA_CPU_NAME=generic NUMBA_CPU_FEATURES= \
		$(BIN)/python -m pytest -m 'kernel and not slow'; \
	status=$$?; rm -rf $$cache; exit $$status

slow: $(VENV)/.ready
	$(BIN)/python -m pytest -m slow --durations=20

faults: $(VENV)/.ready
	HOPNET_FAULTS=$${HOPNET_FAULTS:-50} $(BIN)/python -m pytest tests/faults -m 'slow or not slow' --durations=9

bench: $(VENV)/.ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bench]'
	$(BIN)/hopnet bench all

# The lessons need matplotlib's own backend for notebooks. HOPNET_SMALL= runs them at full size.
docs: export MPLBACKEND :=
docs: export HOPNET_SMALL ?= 1
docs: $(VENV)/.ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[docs]'
	$(BIN)/python docs/prepare.py build/docs-source
	$(BIN)/python -m sphinx -q -W --keep-going -b html -c docs build/docs-source build/docs
	@echo "open build/docs/index.html"

lint: $(VENV)/.ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) build dist *.egg-info results
