"""Log lines say whose session they are about, and nothing that was said in it."""

from __future__ import annotations

import json
import logging
from datetime import datetime

import pytest
from ray._common.formatters import JSONFormatter

from deployments.logs import Fields, current_session, set_up_logs
from deployments.types import StageInfo
from serve_app.api.service import Service
from tests.support.doors import serving
from tests.support.oracle import speak
from tests.support.oracle_stages import OraclePorts, oracle_config
from tests.support.sockets import talk

ANY = StageInfo("oracle", "1", (), takes_open=True)


@pytest.fixture(autouse=True)
def logs_as_they_were() -> object:
    logger = logging.getLogger("ray.serve")
    filters = list(logger.filters)
    yield
    logger.filters = filters


def test_a_json_line_has_the_fields_that_machines_look_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    set_up_logs()
    set_up_logs()
    logger = logging.getLogger("ray.serve")
    assert sum(isinstance(one, Fields) for one in logger.filters) == 1
    with caplog.at_level(logging.INFO, "ray.serve"):
        logger.warning("outside of a session")
        current_session.set("s42")
        logger.info("in\na session")
    outside, inside = (json.loads(JSONFormatter().format(record)) for record in caplog.records)
    assert "session_id" not in outside
    assert outside["level"] == "WARNING"
    assert inside["session_id"] == "s42"
    assert inside["service"] == "dragoman"
    assert inside["message"] == "in\na session"
    assert datetime.fromisoformat(inside["timestamp"]).tzinfo is not None


async def test_what_people_say_is_not_in_the_logs(caplog: pytest.LogCaptureFixture) -> None:
    set_up_logs()
    stream = speak(5, 12)
    config = oracle_config(asr={"failure_rate": 0.3}, mt={"failure_rate": 0.3})
    service = Service(config, OraclePorts(config).ports, ANY, ANY)
    with caplog.at_level(logging.INFO):
        async with serving(service) as url, talk(url, "?hotwords=marked-hotword") as one:
            await one.config(format="pcm_s16le", target=["de"])
            created = await one.until("session.created")
            await one.audio(stream.pcm())
            await one.socket.send_str('{"type": "marked-message"}')
            await one.rest()
    lines = [JSONFormatter().format(record) for record in caplog.records]
    ours = [json.loads(line) for line in lines if '"service": "dragoman"' in line]
    assert [line["message"].partition(": ")[0] for line in ours][:1] == [
        f"session {created['session_id']} opened"
    ]
    assert {line["session_id"] for line in ours} == {created["session_id"]}
    said = [word.text for word in stream.words]
    assert len(said) == 12
    for marked in (*said, "marked-hotword", "marked-message"):
        assert not any(marked in line for line in lines), marked
