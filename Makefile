# One line a target. PYTHON is only used to make .venv; everything else runs in it.
PYTHON ?= python3
BIN := .venv/bin
MINUTES ?= 20
INJECTIONS ?= 100
PYTEST_ARGS ?=
.DEFAULT_GOAL := help
.PHONY: help run camera redact test lint bench soak faults docs setup setup-dev model model-tutorial pictures clean

help: ## what make can do
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' Makefile

run: setup ## bring the call up (q in the window or Ctrl-C ends it)
	@$(BIN)/python -m infer.first_start
	@PATH="$(CURDIR)/$(BIN):$$PATH" exec honcho start -e /dev/null

camera: setup ## bring up a call that meetings choose as a camera, with the page beside it (KIND=pipewire)
	@$(BIN)/python -m display.meeting $(KIND)

redact: setup ## redact the recording IN=call.mp4, or a folder of them, into OUT=redacted.mp4 (FLAGS="--subject all")
	@$(BIN)/python -m common.redaction $(FLAGS) --out "$(OUT)" -- "$(IN)"

test: setup-dev ## run the tests
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: setup-dev ## ruff and mypy
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy capture infer compose display common docs tests

bench: setup-dev ## print tables of speed, asserting nothing
	@$(BIN)/python -m tests.bench

soak: setup-dev ## run the call for MINUTES and hold it against its budgets
	@$(BIN)/python -m tests.soak --minutes $(MINUTES)

faults: setup-dev ## kill, stop and end the call's processes INJECTIONS times and look for leaks
	@$(BIN)/python -m tests.faults --injections $(INJECTIONS)

docs: setup-dev ## build the documentation into docs/_build; a broken link fails
	@$(BIN)/python -m docs.generate && $(BIN)/sphinx-build --fail-on-warning --keep-going -q -E docs docs/_build && echo "docs/_build/index.html"

setup: ## virtual environment, packages, assets
	@$(PYTHON) common/setup.py

setup-dev: ## the same with what tests and lint need
	@$(PYTHON) common/setup.py --dev

model: setup ## fetch the small Mask R-CNN (4 MB) into mask-rcnn-coco/
	@$(BIN)/python -m infer.fetch small

model-tutorial: setup ## fetch the tutorial's (178 MB) into mask-rcnn-coco/tutorial/
	@$(BIN)/python -m infer.fetch tutorial

pictures: setup-dev ## make the README's pictures anew
	@$(BIN)/python -m tests.pictures

clean: ## remove .venv and caches
	@rm -rf .venv docs/_build .pytest_cache .ruff_cache .mypy_cache .hypothesis && find . -name __pycache__ -type d -prune -exec rm -rf {} +
