"""One target under atheris: `python -m tests.fuzz.learn TARGET [options of libFuzzer]`."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["serve_app", "deployments", "python_multipart"]):
    from tests.fuzz.driver import run_one
    from tests.fuzz.targets import TARGETS


def main() -> None:
    name = sys.argv.pop(1)
    if name not in TARGETS:
        sys.exit(f"There is no target {name!r}; there are {', '.join(TARGETS)}.")
    atheris.Setup(sys.argv, lambda data: run_one(name, data))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
