# Two commands from a fresh clone: `make demo` and `make test`. Everything else is in the justfile.
PYTHON ?= python3
VENV := .venv
JUST := $(VENV)/bin/just

.PHONY: demo test clean

demo: $(VENV)/.installed
	@$(JUST) demo

test: $(VENV)/.installed
	@$(JUST) ci

$(VENV)/.installed: pyproject.toml requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "qruntime needs Python 3.11 or newer; try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --requirement requirements-dev.txt
	$(VENV)/bin/python -m pip install --quiet --no-deps --editable .
	@echo "compiling the simulation kernels: half a minute, once"
	@$(VENV)/bin/python -c 'from qruntime.execution import warm; warm()'
	@touch $@

clean:
	rm -rf $(VENV) site .cache
