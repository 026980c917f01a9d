"""schemathesis against openapi.json: no answer that the description does not know, no defect."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from threading import Event, Thread

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from serve_app.api.rest.openapi import description
from serve_app.api.service import Service
from serve_app.config import AdmissionSettings, with_resume_key
from serve_app.runner import Ports
from tests.support.doors import serving
from tests.support.oracle import speak
from tests.support.oracle_stages import OraclePorts, oracle_config
from tests.unit.test_stream_door import wav

pytestmark = pytest.mark.contract

EXAMPLES = 25
"""Of each operation; drawn from a fixed seed."""
AUDIO = wav(speak(1, 4).pcm())
SERVED = {
    "file": AUDIO,
    "model": "whisper-1",
    "format": "wav",
    "source": "en",
    "target": ["de"],
    "language": "en",
    "languages": ["en", "de"],
    "source_language": "en",
    "target_language": "de",
}
"""What is drawn by chance is nothing that is served."""
BEHIND_A_LINK = "/{id}/"
"""Doors of one session or conversation, for those whom somebody sent a link: nobody here."""
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The doors on a real socket, in front of oracles, in a thread of their own."""
    started, stop, urls = Event(), Event(), []

    async def serve() -> None:
        ports = OraclePorts(oracle_config(mt={"languages": ["de", "en", "es"]}))
        open_house = AdmissionSettings(ramp_sessions=100_000, max_answer_s=600, max_backlog_s=600)
        config = oracle_config().model_copy(update={"admission": open_house})
        service = Service(
            with_resume_key(config),
            Ports(ports, ports, ports),
            ports.asr.info,
            ports.mt.info,
        )
        async with serving(service) as url:
            urls.append(url)
            started.set()
            await asyncio.to_thread(stop.wait)

    thread = Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert started.wait(30)
    yield urls[0]
    stop.set()
    thread.join()


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_every_answer_is_one_that_the_description_knows(url: str, mode: GenerationMode) -> None:
    for operation in operations(url):
        if mode is GenerationMode.POSITIVE or operation.query or operation.body:
            assert statuses(url, operation, operation.as_strategy(generation_mode=mode))


def test_what_is_served_is_as_the_description_says(url: str) -> None:
    for operation in operations(url):
        told = statuses(url, operation, operation.as_strategy().map(served))
        assert {200, 201} & told.keys() or BEHIND_A_LINK in operation.path, operation.label


def operations(url: str) -> list[APIOperation]:
    api = schemathesis.openapi.from_dict(requests.get(f"{url}/openapi.json", timeout=30).json())
    found = [result.ok() for result in api.get_all_operations()]
    assert len(found) == sum(len(path) for path in description()["paths"].values())
    return found


def statuses(
    url: str, operation: APIOperation, cases: SearchStrategy[schemathesis.Case]
) -> Counter[int]:
    """How often an operation answered how; raises for an answer that is not described."""
    told: Counter[int] = Counter()

    @given(case=cases)
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def check(case: schemathesis.Case) -> None:
        answer = case.call_and_validate(base_url=url, checks=CHECKS, timeout=30)
        told[answer.status_code] += 1

    check()
    return told


def served(case: schemathesis.Case) -> schemathesis.Case:
    """With audio and names that there are; all else stays as it was drawn."""
    case.path_parameters = {**case.path_parameters, "model": "whisper-1"}
    for part in (case.query, case.body):
        for name in SERVED.keys() & (part.keys() if isinstance(part, dict) else ()):
            part[name] = SERVED[name]
    if case.path == "/v1/stream":
        case.body = AUDIO
        case.query.pop("glossary", None)
    if case.path.endswith("/client_secrets"):
        case.body["session"] = {"model": "whisper-1"} if "translations" in case.path else {}
    if case.path == "/v1/translate":
        case.body.pop("model", None)
    return case
