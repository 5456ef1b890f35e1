# Each target needs nothing but Python 3.11 with venv: the environment is made on first use.
PYTHON ?= python3.11
BIN := .venv/bin

.PHONY: install demo demo-tracks test test-slow lint types clean

install: .venv/.installed

# mmdet wants opencv-python, whose windows need libGL; the headless build of the same version has all that is used here.
.venv/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[all,dev]'
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --force-reinstall --no-deps opencv-python-headless
	touch $@

demo: .venv/.installed
	$(BIN)/python -m pipelines.demo --out runs/demo

# Neither torch nor a data set is needed for this one.
demo-tracks: .venv/.installed
	$(BIN)/python -m pipelines.demo_tracks --out runs/demo_tracks

test: .venv/.installed
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --cov --cov-report=term:skip-covered

test-slow: .venv/.installed
	$(BIN)/python -m pipelines.checks.slow_tests

lint: .venv/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/lint-imports

types: .venv/.installed
	$(BIN)/mypy

clean:
	rm -rf runs
