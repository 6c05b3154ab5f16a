# Every target works on a fresh machine with Python 3.11, git and (for demo, test, image) a Docker engine.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: check test demo image bench clean

$(VENV)/.done: requirements.txt requirements-dev.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

check: $(VENV)/.done
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest tests/test_architecture.py

test: $(VENV)/.done image
	-$(BIN)/python -m bot.sandbox.provision
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder

image: $(VENV)/.done
	$(BIN)/python -m bot.sandbox.image
	$(if $(TOOLS),$(BIN)/python -m bot.sandbox.provision)

demo: $(VENV)/.done image
	$(BIN)/python -m simulator demo $(if $(EXIT),--exit) $(if $(MODEL),--model $(MODEL))

bench: $(VENV)/.done
	$(BIN)/python -m bench

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .rfcsmith
