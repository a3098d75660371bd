# What a developer runs. `make demo` and `make test` set up .venv and call these.

set shell := ["bash", "-euo", "pipefail", "-c"]
# small circuits are slower on several threads, and tests run side by side
export OMP_NUM_THREADS := "1"
bin := justfile_directory() / ".venv/bin"

# list the recipes
default:
    @{{ bin }}/just --list

# a VQE for hydrogen on a real simulator: its energy beside the exact one
demo:
    {{ bin }}/qruntime run examples/programs/vqe --inputs examples/programs/vqe/inputs.json

# the fast tests
test *arguments:
    {{ bin }}/pytest -n 2 -m "not slow" {{ arguments }}

# every test
test-all *arguments:
    {{ bin }}/pytest -n 2 {{ arguments }}

# formatting, lint, layers, types, dependencies
check:
    {{ bin }}/ruff format --check .
    {{ bin }}/ruff check .
    {{ bin }}/lint-imports
    {{ bin }}/mypy
    {{ bin }}/deptry src

# format the code and mend what can be mended
fix:
    {{ bin }}/ruff check --fix .
    {{ bin }}/ruff format .

# build the documentation into site/
docs:
    {{ bin }}/zensical build --clean --strict

# build the wheel and the source archive
build:
    {{ bin }}/python -m build

# everything that CI runs
ci: check docs test-all

# ours and other simulators at the same work, beside the goals; --quick only shows that it works
bench *arguments:
    @{{ bin }}/python -c 'import pennylane_lightning, qsimcirq, qulacs' 2> /dev/null || {{ bin }}/python -m pip install --quiet --requirement requirements-bench.txt
    {{ bin }}/python -m benchmarks {{ arguments }}

# the server's start, latency, queue and streams, beside its goals; --quick only shows that it works
bench-service *arguments:
    @{{ bin }}/python -m benchmarks.service {{ arguments }}

# refresh the locked versions of everything that development uses
lock:
    {{ bin }}/uv pip compile --quiet --universal --python-version 3.11 --group dev --all-extras --no-emit-index-url --no-annotate --no-header pyproject.toml --output-file requirements-dev.txt
    {{ bin }}/uv pip compile --quiet --universal --python-version 3.11 --group peers --constraint requirements-dev.txt --no-emit-index-url --no-annotate --no-header pyproject.toml --output-file requirements-bench.txt
