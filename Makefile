# Everything a newcomer types. Windows and macOS equivalents are in the README.
PYTHON ?= python3
BIN := .venv/bin
SCENE ?= first_light

.PHONY: demo test check format bench gpu-check gpu-train fault soak clean

# The native kernels are built first, or the first minute would play slowly.
demo: .venv/demo.stamp
	-$(BIN)/performer build
	$(BIN)/performer run $(SCENE)

# The native kernels are built first; without a compiler the tests run in pure PyTorch.
test: .venv/dev.stamp
	-$(BIN)/performer build
	$(BIN)/python -m pytest $(TESTS)

check: .venv/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest $(TESTS)

format: .venv/dev.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/dev.stamp
	$(BIN)/python -m benchmarks.first_light

# Parity and timings on an accelerator. GOLDEN=DIR names another folder of fixtures, OFFICIAL=DIR a
# checkout of NVIDIA's stylegan3 to be timed beside ours; TUNE=1 keeps what was measured fastest.
# DRY=1 rehearses the whole of it on the processor, on stand-ins, where there is no card.
gpu-check: .venv/dev.stamp
	$(BIN)/python -m benchmarks.gpu_check $(if $(GOLDEN),--golden $(GOLDEN)) \
		$(if $(OFFICIAL),--official $(OFFICIAL)) $(if $(TUNE),--tune) $(if $(DRY),--dry)

# Trains RECIPE on an accelerator for under nine minutes; call it again until it says that it is done.
# Then `performer evaluate runs/RECIPE/model.safetensors` says whether it scores better than ours.
RECIPE ?= landscapes-256-long
gpu-train: .venv/dev.stamp
	test -d data/landscapes || $(BIN)/python scripts/fetch_landscapes.py
	$(BIN)/performer train $(RECIPE) --pictures data/landscapes --out runs/$(RECIPE) --device cuda \
		--minutes 8 $(if $(wildcard runs/$(RECIPE)/checkpoint.safetensors),--resume)

# Breaks one thing after another while a scene plays (TIMES each), and writes what receivers saw.
fault: .venv/dev.stamp
	$(BIN)/python -m benchmarks.fault --times $(or $(TIMES),10) --save

# Plays for MINUTES, and writes whether anything grows.
soak: .venv/dev.stamp
	$(BIN)/python -m benchmarks.soak --minutes $(or $(MINUTES),60) --save

.venv/python.stamp:
	$(PYTHON) -m venv .venv || { echo "no venv module: on Debian, apt-get install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --upgrade pip
	touch $@

.venv/demo.stamp: .venv/python.stamp pyproject.toml
	@echo "installing into .venv (about a minute; torch is large)"
	$(BIN)/python -m pip install --quiet --editable ".[ndi,midi,audio,window]"
	touch $@

.venv/dev.stamp: .venv/python.stamp pyproject.toml
	@echo "installing into .venv (about a minute; torch is large)"
	$(BIN)/python -m pip install --quiet --editable ".[ndi,midi,audio,window,dev]"
	touch $@

clean:
	rm -rf .venv build dist *.egg-info
