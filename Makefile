# BR-MRS graph: two commands, each of which sets itself up on a fresh machine.
#
#     make run  [ARGS="--dataset clothing"]
#     make test [ARGS="-k graph"]
#
# They need Python 3.10 or newer (choose one with PYTHON=python3.12) and, for torch-scatter, a C++ compiler.

PYTHON ?= python3
VENV   := .venv
PY     := $(VENV)/bin/python
PIP    := $(PY) -m pip --disable-pip-version-check --quiet install --constraint requirements-torch.txt
SAY    := @printf '%s\n'

.DELETE_ON_ERROR:
.PHONY: help setup run test slow lint encoders clean

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/ready  ## create .venv and install (done by every command below when it is needed)

run: setup  ## train and evaluate; on the built-in data set unless ARGS="--dataset NAME" says otherwise
	@$(PY) -m experiments.run $(ARGS)

test: setup  ## run the tests, the files of tests spread over up to four processes
	@$(PY) -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile $(ARGS)

slow: setup  ## run the tests that take minutes
	@$(PY) -m pytest -m slow $(ARGS)

lint: setup  ## check style, format and types
	@$(PY) -m ruff check
	@$(PY) -m ruff format --check
	@$(PY) -m mypy

encoders: setup  ## install what turns pictures and texts into features
	@$(PIP) --requirement requirements-encoders.txt

clean:  ## remove .venv, builds and caches; runs and data stay
	@rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A new torch means a new environment, since torch-scatter is built against the torch it finds.
$(VENV)/torch: requirements-torch.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or newer is needed: PYTHON=...")'
	$(SAY) '[1/3] torch'
	@$(PYTHON) -m venv --clear $(VENV)
	@$(PIP) --requirement requirements-torch.txt
	@touch $@

# torch-scatter comes as source. It goes in last, alone and never from pip's cache, where a build
# against another torch may lie; without it brmrs_graph takes its pure-torch paths.
$(VENV)/ready: $(VENV)/torch requirements.txt requirements-dev.txt
	$(SAY) '[2/3] libraries'
	@grep -v '^torch-scatter' requirements.txt | $(PIP) --requirement /dev/stdin --requirement requirements-dev.txt
	$(SAY) '[3/3] torch-scatter (compiles for about five minutes, once)'
	@$(PIP) --no-build-isolation --no-cache-dir --requirement requirements.txt > $(VENV)/torch-scatter.log 2>&1 \
		|| echo 'torch-scatter could not be built ($(VENV)/torch-scatter.log says why): going on with pure torch.'
	@touch $@
