# Four verbs: run, test, check, format. Everything they need is installed into .venv.

PYTHON ?= python3
BIN := .venv/bin
# Most tests wait for something: more of them than there are cores run at once.
TOGETHER ?= -n 3 --dist loadfile
APP := $(BIN)/python

.PHONY: run test test-fast test-long coverage check format bench drill drill-day drill-processes soak lock screenshots clean

run: .venv/.run
	@$(APP) manage.py setup --demo
	@$(APP) run.py

test: .venv/.dev tools
	$(APP) -m pytest -m "not long" $(TOGETHER) $(ARGS)

# While typing: what needs no socket, no child process and no database; a minute at most.
test-fast: .venv/.dev
	$(APP) -m pytest -m fast -n 2 --dist loadfile $(ARGS)

test-long: .venv/.dev tools
	$(APP) -m pytest $(TOGETHER) $(ARGS)

# Branch coverage, a line for each room, of what the fast tests run. More in a few minutes, but
# nothing that child processes run: make coverage COVERED='-m "not long" -n 3 --dist loadfile'
COVERED ?= -m fast -n 2 --dist loadfile
coverage: .venv/.dev
	@mkdir -p .coverage
	@COVERAGE_FILE=.coverage/data $(APP) -m pytest --quiet $(COVERED) --cov \
	  --cov-report=json:.coverage/report.json $(ARGS)
	@$(APP) tools/coverage_by_room.py .coverage/report.json

check: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/djlint omcrm/templates --lint --quiet
	$(BIN)/djlint omcrm/templates --check --quiet

format: .venv/.dev
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .
	$(BIN)/djlint omcrm/templates --reformat --quiet

bench: .venv/.dev
	$(APP) -m bench.latency --seconds 15
	$(APP) -m bench.fanout

# Ten minutes of a watched demonstration.
soak: .venv/.dev
	$(APP) -m bench.soak

# Twenty minutes: every fault, against the best source of each kind.
drill: .venv/.dev
	$(BIN)/python manage.py drill all --seconds 36 --parallel 12 --write docs/drills.md

# An hour and a quarter: a day of random faults at every source, twenty times as fast.
drill-day: .venv/.dev
	$(BIN)/python manage.py drill-day --write docs/drill-day.md

# Half an hour: each fault of several processes, with real PostgreSQL and Redis.
drill-processes: .venv/.dev tools
	$(BIN)/python manage.py drill-processes all --write docs/drills-processes.md

screenshots: .venv/.dev tools
	$(APP) -m tools.screenshots

# The exact versions and hashes of everything requirements.txt needs.
lock: .venv/.dev
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-annotate requirements.txt --output-file requirements.lock

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "OMCRM needs Python 3.11 or newer; $(PYTHON) is older. Try: make PYTHON=python3.12"; exit 1; }
	@echo "Making the environment in .venv …"
	@$(PYTHON) -m venv .venv || { echo "python3 has no venv module; on Debian: apt-get install python3-venv"; exit 1; }

.venv/.run: requirements.lock | .venv/bin/python
	@echo "Installing what OMCRM runs on …"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

.venv/.dev: requirements-dev.txt .venv/.run
	@echo "Installing what tests and checks need …"
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

# Chromium, PostgreSQL, Redis and Node; without them the tests that need them are skipped (in CI they fail).
.PHONY: tools
tools:
	@tools/install_for_tests.sh
