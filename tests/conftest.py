"""For all tests."""

import signal

import hypothesis
import pytest

# What is started in the background of a script ignores SIGINT, and so does all that it starts; the
# tests stop servers with it.
signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says more about what else the machine does than about the code.
hypothesis.settings.register_profile("untimed")
hypothesis.settings.load_profile("untimed")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Slow tests run when they are asked for."""
    if "slow" in config.option.markexpr:
        return
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.skip(reason="takes minutes: run it with -m slow"))
