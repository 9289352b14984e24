# Everything works on a fresh machine with Python 3.11+ and make: `.venv` is made when it is first needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# processes that share the files of `make test`, each with one thread for its matrices; 0: pytest alone
TEST_JOBS ?= 2

.PHONY: demo test test-full check bench docs pictures clean

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -c "import sys; sys.exit(sys.version_info < (3, 11) and 'spikesim_py needs Python 3.11 or newer')"
	# torch first, so that TORCH_INDEX (PyTorch's CPU index) can spare a download of gigabytes
	$(BIN)/pip install --quiet --disable-pip-version-check $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) "torch>=2.6,<2.14"
	$(BIN)/pip install --quiet --disable-pip-version-check -e ".[dev]"
	touch $(READY)

demo: $(READY)
	$(BIN)/spikesim demo

test: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/pytest -n $(TEST_JOBS) --dist loadfile

test-full: $(READY)
	$(BIN)/pytest -m ""

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(READY)
	OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1 $(BIN)/python -m benchmarks

docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo "the documentation: site/index.html"

pictures: $(READY)
	$(BIN)/spikesim sweep demo --store runs/demo.db
	for name in digits-w4 digits-w2; do $(BIN)/spikesim train $$name -o runs/$$name.safetensors --resume || exit 1; done
	$(BIN)/python docs/screenshots.py runs/demo.db

clean:
	rm -rf $(VENV) build dist *.egg-info runs site
