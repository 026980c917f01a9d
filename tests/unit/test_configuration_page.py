"""docs/configuration.md and .env.example say what the settings say."""

from __future__ import annotations

from docs.configuration import ENVIRONMENT, PAGE, environment_example, page, sections
from serve_app.config import AppConfig, with_environment
from serve_app.environment import leaves, variable


def test_the_files_are_those_that_the_settings_give() -> None:
    assert PAGE.read_text() == page(), "run python -m docs.configuration"
    assert ENVIRONMENT.read_text() == environment_example(), "run python -m docs.configuration"


def test_every_key_is_explained_with_its_values() -> None:
    listed = [key for _, own in sections() for key in own]
    assert {key.name for key in listed} == {key for key, _ in leaves(AppConfig)}
    assert [key.name for key in listed if not key.meaning or not key.values] == []


def test_every_variable_of_the_example_can_be_uncommented() -> None:
    lines = ENVIRONMENT.read_text().splitlines()
    assigned = dict(line[1:].split("=", 1) for line in lines if line.startswith("#DRAGOMAN__"))
    assert list(assigned) == [variable(key.name) for _, own in sections() for key in own]
    assert with_environment(AppConfig(), assigned) == AppConfig()
