# Refill. `make` lists the targets. Each does its own set-up: system packages (where root or sudo is there), venv, locked
# dependencies. Everything is installed under .venv; nothing else is touched.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PACKAGES := calibration contract device firmware_config phantom refill trial vision web
# One thread: two BLAS threads on two cores fight, and results must not depend on how many there are.
export OPENBLAS_NUM_THREADS := 1
# Tests and campaigns start hundreds of processes: what Python compiles is kept, whatever the environment says.
unexport PYTHONDONTWRITEBYTECODE
# Tests share the cores, a file to a worker. Most of them wait for processes, brokers and databases, so that there are more
# workers than cores; those that play real time come after the others, two at a time (tests/conftest.py).
# The slowest of them are named at the end: what takes more than some tenths of a second is to be marked slow.
SPREAD := -n 2 --dist loadfile --durations 5 --durations-min 0.3
WAITING := -n 4 --dist loadfile --no-loadscope-reorder
REAL_TIME := -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## */\1\t/' | expand -t 16

.PHONY: demo
demo: $(READY) ## one bedside measurement on simulated skin, from press to CRF row, in front of your eyes
	@$(BIN)/refill demo

.PHONY: screen
screen: $(READY) ## the nurse's screen on simulated skin, to be touched in a browser (http://127.0.0.1:8480/, Ctrl-C ends it)
	@$(BIN)/refill screen try

.PHONY: screen-pictures
screen-pictures: $(READY) test-system ## the screen's tests in Chromium, which draw the pictures of docs/images anew
	@REFILL_PICTURES=1 $(BIN)/pytest tests/screen/test_screen_flows.py tests/screen/test_screen_calibrating.py tests/trial/test_trial_page_browser.py

.PHONY: test
test: $(READY) test-system ## everything, on real components
	@$(BIN)/pytest -m "not real_time" $(WAITING)
	@$(BIN)/pytest -m real_time $(REAL_TIME)

.PHONY: test-fast
test-fast: $(READY) ## the quick part, to be run all day: no real processes, brokers or databases
	@$(BIN)/pytest -m "not slow" $(SPREAD)

.PHONY: test-camera
test-camera: $(READY) ## the Pi camera adapter on real picamera2 and libcamera (root; a minute, the first time two more)
	@$(BIN)/pytest -m slow tests/camera

.PHONY: check
check: $(READY) ## format, lint, types, generated files
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/python -m contract.schema > /dev/null && git diff --exit-code --stat -- contract/schema
	@$(BIN)/python -m firmware_config.schema > /dev/null && git diff --exit-code --stat -- firmware_config/schema

.PHONY: format
format: $(READY) ## format the code and mend what ruff can
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

.PHONY: schema
schema: $(READY) ## write the JSON Schema files from the models, and what in docs comes from code
	@$(BIN)/python -m contract.schema
	@$(BIN)/python -m firmware_config.schema
	@$(BIN)/python -m refill.config_docs
	@$(BIN)/python -m refill.hardware_docs
	@$(BIN)/python -m refill.probe_docs
	@$(BIN)/python -m refill.panel_docs
	@$(BIN)/python -m refill.camera_docs
	@$(BIN)/python -m refill.health_docs
	@$(BIN)/python -m refill.session_docs
	@$(BIN)/python -m refill.subject_docs
	@$(BIN)/python -m refill.calibrate_docs

.PHONY: press-table
press-table: $(READY) ## 12 phantom recordings over all tones and shapes: truth, result, interval (docs/evidence)
	@$(BIN)/python -m benchmarks.press_table

.PHONY: accuracy
accuracy: $(READY) ## the accuracy ladder: 4,800 simulated presses by stratum, and efficiency (docs/evidence; about 20 minutes)
	@$(BIN)/python -m benchmarks.accuracy --presses 3000 --repeats 500

.PHONY: faults
faults: $(READY) ## every fault of the phantom as pictures: what was refused, what got through (docs/evidence; about 10 minutes)
	@$(BIN)/python -m benchmarks.faults

.PHONY: refill-outsider
refill-outsider: $(READY) ## presses by a second generator that shares no model with the phantom: harmless, refused, wrong (docs/evidence; about 15 minutes)
	@$(BIN)/python -m benchmarks.outsider

.PHONY: bench
bench: $(READY) ## speed per frame and per press beside the peers, memory over 1,000 presses (docs/evidence; about 5 minutes)
	@$(BIN)/python -m benchmarks.phantom_speed
	@$(BIN)/python -m benchmarks.bench

.PHONY: crash
crash: $(READY) ## kill the demo's processes at random moments, 30 rounds (docs/evidence)
	@$(BIN)/python -m benchmarks.crash --rounds 30

.PHONY: journal-faults
journal-faults: $(READY) ## the journal on a full, failing or lying disk, and a writer that is killed, 60 rounds (docs/evidence; root)
	@$(BIN)/python -m benchmarks.journal_faults

.PHONY: probe-range
probe-range: $(READY) ## hold, overshoot and release of the probe over simulated fingers, knees and leaks (docs/evidence)
	@$(BIN)/python -m benchmarks.probe_range

.PHONY: probe-faults
probe-faults: $(READY) ## every fault of the probe at random moments of 500 presses: vented, named, no reading (docs/evidence)
	@$(BIN)/python -m benchmarks.probe_faults

.PHONY: probe-fuzz
probe-fuzz: $(READY) ## 100,000 random or mutated messages to the probe's socket (docs/evidence)
	@$(BIN)/python -m benchmarks.probe_fuzz

.PHONY: probe-mutants
probe-mutants: $(READY) ## change the safety core in 206 small ways: which its tests miss (about 2 minutes)
	@$(BIN)/python tests/probe/mutants.py

.PHONY: probe-loop
probe-loop: $(READY) ## period, jitter and CPU share of the probe's control loop (docs/evidence; about 2 minutes)
	@$(BIN)/python -m benchmarks.probe_loop

.PHONY: bedside-day
bedside-day: $(READY) ## 20 button presses in a row in real time: readings against truth, delivery, CPU, memory (docs/evidence; about 7 minutes)
	@$(BIN)/python -m benchmarks.bedside_day

.PHONY: bedside-faults
bedside-faults: $(READY) ## every fault of camera, probe, disk, broker and clock at random moments (docs/evidence; about 15 minutes)
	@$(BIN)/python -m benchmarks.bedside_faults

.PHONY: bedside-kill
bedside-kill: $(READY) ## SIGKILL at 200 random moments of a measurement: journal, record, vent, restart (docs/evidence; about 25 minutes)
	@$(BIN)/python -m benchmarks.bedside_kill

.PHONY: bedside-speed
bedside-speed: $(READY) ## last frame to reading, start to ready, CPU at rest, push to reaction (docs/evidence; about 4 minutes)
	@$(BIN)/python -m benchmarks.bedside_speed

.PHONY: feed-kill
feed-kill: $(READY) ## SIGKILL for publisher, ingester, broker, database at 200 moments: nothing lost or double (docs/evidence; about 10 minutes)
	@$(BIN)/python -m benchmarks.feed_kill

.PHONY: feed-speed
feed-speed: $(READY) ## ingest rate beside a bare loop, 1, 2 and 4 ingesters, 500 devices, journal to receipt (docs/evidence; about 4 minutes)
	@$(BIN)/python -m benchmarks.feed_speed

.PHONY: crf-speed
crf-speed: $(READY) ## 100,000 readings as ODM, 10,000 as FHIR: time, memory, validity by the XSD (docs/evidence; about 6 minutes)
	@$(BIN)/python -m benchmarks.crf_export

.PHONY: feed-away
feed-away: $(READY) ## the broker away for 10,000 readings, then back: order, receipts, rate, memory (docs/evidence; about 3 minutes)
	@$(BIN)/python -m benchmarks.feed_away

.PHONY: feed-fuzz
feed-fuzz: $(READY) ## 100,000 fuzzed messages into the feed: it goes on, all that is bad in dead letter (docs/evidence; about 4 minutes)
	@$(BIN)/python -m benchmarks.feed_fuzz

.PHONY: trial-truth
trial-truth: $(READY) ## a simulated trial of 240 subjects at 32 sites against its own truth (docs/evidence)
	@$(BIN)/python -m benchmarks.simulated_trial

.PHONY: page-speed
page-speed: $(READY) ## the data managers' page over 100,000 readings (docs/evidence; about 3 minutes)
	@$(BIN)/python -m benchmarks.trial_page

.PHONY: calibration-campaign
calibration-campaign: $(READY) ## 200 simulated devices, half with hidden errors: found, sizes, readings before and after (docs/evidence; about 25 minutes)
	@$(BIN)/python -m benchmarks.calibration --healthy 100 --wrong 100

.PHONY: screen-load
screen-load: $(READY) test-system ## frames and control loop of a measurement with and without four open pages (docs/evidence; about 5 minutes)
	@$(BIN)/python -m benchmarks.screen_load

# On a bedside Pi, as root: the system's Python and nothing else is needed there. docs/install.md.
INSTALL = $(PYTHON) -B -m firmware_config.install $(1) $(if $(ROOT),--root $(ROOT)) $(if $(BUNDLE),--bundle $(BUNDLE)) $(if $(NO_KIOSK),--no-kiosk)

.PHONY: install-pi
install-pi: ## install or upgrade this device: sudo make install-pi [DRY_RUN=1] [NO_KIOSK=1] [BUNDLE=FOLDER] [ROOT=FOLDER] (docs/install.md)
	@$(call INSTALL,install) $(if $(DRY_RUN),--dry-run)

.PHONY: uninstall-pi
uninstall-pi: ## remove it again; journal and configuration stay: sudo make uninstall-pi
	@$(call INSTALL,uninstall)

.PHONY: bundle-pi
bundle-pi: $(READY) ## a folder from which a Pi is installed without a network: make bundle-pi [OUT=dist/bundle-pi]
	@$(BIN)/python -m firmware_config.supply.bundle $(or $(OUT),dist/bundle-pi)

.PHONY: debs-pi
debs-pi: ## on a Pi with a network: fetch the system's packages into a bundle: sudo make debs-pi BUNDLE=FOLDER
	@$(call INSTALL,debs)

.PHONY: install-arm64
install-arm64: $(READY) ## install into an arm64 Debian trixie root under qemu, by hand (root; a quarter of an hour, 3 GB; docs/install.md)
	@PYTHON=$(BIN)/python tests/install/arm64-device

.PHONY: check-wheels
check-wheels: $(READY) ## every locked requirement of a Pi has a wheel for aarch64 on Python 3.11 and 3.13 (a minute; network)
	@$(BIN)/python -m firmware_config.supply.wheels

.PHONY: sbom
sbom: $(READY) ## the list of parts of a bedside device, CycloneDX 1.6, with hashes and licences (dist; network)
	@$(BIN)/python -m firmware_config.supply.sbom

.PHONY: licences
licences: $(READY) ## the licence of every part (docs/licences.md; network); names those that nobody knows
	@$(BIN)/python -m firmware_config.supply.licences

.PHONY: mottling-accuracy
mottling-accuracy: $(READY) ## the mottling score on 600 simulated legs, bad photos and no legs (docs/evidence; about 20 minutes)
	@$(BIN)/python -m benchmarks.mottling_accuracy --legs 600

.PHONY: lock
lock: ## write requirements/*.txt anew from pyproject.toml, with hashes and without index addresses (needs uv)
	@for extra in pi trial; do uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
	    --no-emit-index-url --extra $$extra pyproject.toml -o requirements/$$extra.txt; done
	@uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
	    --extra trial --extra dev pyproject.toml -o requirements/dev.txt

.PHONY: setup
setup: $(READY) ## venv with the locked dependencies, and the system libraries that OpenCV needs

$(READY): requirements/dev.txt pyproject.toml
	@sh .ci/system-packages run
	@echo "Setting up $(VENV) (about a minute)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

.PHONY: test-system
test-system:
	@sh .ci/system-packages test
