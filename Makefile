# Every command of this project. Each installs what it needs into the checkout first: tools/setup, at once when done.

export PATH := $(CURDIR)/.venv/bin:$(CURDIR)/.tools/bin:$(PATH)
export JSII_RUNTIME_PACKAGE_CACHE_ROOT := $(CURDIR)/.tools/jsii
unexport PYTHONDONTWRITEBYTECODE PYTHONPATH PYTHONHOME VIRTUAL_ENV
.DEFAULT_GOAL := help
AT_ONCE = -n $(or $(JOBS),2)
.PHONY: help setup up down demo test check synth deploy bench cost faults openapi fast requirements clean

help: ## Show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "make %-13s %s\n", $$1, $$2 }'

setup: ## Install everything into this checkout (the others do it by themselves)
	@tools/setup

up: setup ## Start AWS on this machine with the programme in it; DETACH=1 leaves it running
	@.venv/bin/loyalty up $(if $(DETACH),--detach)

down: setup ## Stop what DETACH=1 left running; its data stays
	@.venv/bin/loyalty down

demo: setup ## Run the programme on real sample purchases, then let months pass; DATA=full on all of them
	@.venv/bin/loyalty demo $(if $(DATA),--data $(DATA))

test: setup ## Run all tests, those of a deployed stack too; JOBS=2 at a time
	@.venv/bin/pytest tests/functional tests/contract tests/infra $(AT_ONCE)
	@# The deployed stack waits more than it works: the rest runs beside it.
	@tools/side-by-side '.venv/bin/pytest tests/embedded' '.venv/bin/pytest tests/unit --cov && .venv/bin/pytest tests/faults tests/compiled'

check: setup ## Check style, types, who imports whom, and the infrastructure
	@.venv/bin/ruff check && .venv/bin/ruff format --check && .venv/bin/mypy --strict
	@.venv/bin/lint-imports
	@.venv/bin/pytest tests/infra

synth: setup ## Write the CloudFormation templates to cdk.out; STAGE=dev unless given
	@tools/cdk synth --quiet --context stage=$(or $(STAGE),dev)

deploy: setup ## Deploy to the AWS account of your credentials; STAGE=dev or prod
	@test -n "$(STAGE)" || { echo "Which stage? make deploy STAGE=dev" >&2; exit 2; }
	@tools/cdk deploy --all --context stage=$(STAGE)

bench: setup ## Measure cold and warm starts and throughput, side by side
	@.venv/bin/pytest -q -s tests/bench

cost: setup ## What a million purchases cost on AWS: units as measured, prices by a table
	@.venv/bin/pytest -q -s tests/bench/test_cost.py

faults: setup ## Break everything that can break, SEEDS=100 times, and look at the books
	@.venv/bin/python -m tests.faults --seeds $(or $(SEEDS),100)

openapi: setup ## Write the contracts in docs/ anew from the code: HTTPS, events, programme file
	@.venv/bin/python -m cli.openapi

fast: setup ## Compile the rules for `loyalty backtest`: optional, a minute, takes a C compiler
	@.venv/bin/python tools/compile.py

requirements: setup ## Pin the requirements of pyproject.toml; UPGRADE=1 takes the newest
	@UPGRADE=$(UPGRADE) tools/requirements

clean: ## Remove all that was installed, built or stored here
	@test ! -x .venv/bin/loyalty || .venv/bin/loyalty down
	@rm -rf .venv .tools .local cdk.out .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .coverage
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
