"""Each check finds what is wrong, and says how to mend it."""

import json
import socket
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from deployments.models import ModelChoice
from serve_app.client import checks, doctor
from serve_app.client.checks import GIB, Check
from serve_app.client.health import Health, ask
from serve_app.client.model_checks import check_model, check_models
from serve_app.client.ports import free_port, is_free

Start = Callable[[int, object], str]

CONFIG = """
applications:
  - name: dragoman
    import_path: serve_app.app:build_app
    args:
      asr: {{model: {model}, device: {device}}}
"""


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.fixture
def answering() -> Iterator[Start]:
    """A server whose every answer is the given status and JSON."""
    servers: list[HTTPServer] = []

    def start(status: int, body: object) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, *_: object) -> None:
                pass

        servers.append(HTTPServer(("127.0.0.1", 0), Handler))
        Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_the_wrong_python_is_a_failure() -> None:
    assert checks.check_python((3, 12)).status == "ok"
    assert checks.check_python((3, 10)).status == "fail"
    assert "3.11" in checks.check_python((3, 14)).remedy


def test_a_missing_package_fails_and_a_missing_extra_does_not() -> None:
    assert checks.check_package("ray").status == "ok"
    assert checks.check_package("no-such-package").status == "fail"
    extra = checks.check_optional("no-such-package", "nothing")
    assert (extra.status, extra.remedy) == ("ok", "")


def test_little_of_anything_is_a_warning_with_a_remedy() -> None:
    little = [checks.check_cpus(1), checks.check_memory(GIB), checks.check_disk(GIB)]
    assert [check.status for check in little] == ["warn"] * 3
    assert all(check.remedy for check in little)
    enough = [checks.check_cpus(8), checks.check_memory(9 * GIB), checks.check_disk(9 * GIB)]
    assert [check.status for check in enough] == ["ok"] * 3


def test_cuda_that_nobody_has_is_a_failure_only_where_it_is_wanted() -> None:
    assert checks.check_cuda({"asr": "cpu", "mt": "cpu"}, 0).status == "ok"
    assert checks.check_cuda({"asr": "cuda", "mt": "cpu"}, 1).status == "ok"
    wanting = checks.check_cuda({"asr": "cuda", "mt": "cpu"}, 0)
    assert wanting.status == "fail"
    assert wanting.detail.startswith("asr want")


def test_a_taken_port_is_a_warning_unless_it_is_ours(taken_port: int) -> None:
    def check(*, ours: bool) -> Check:
        return checks.check_port(taken_port, "HTTP", ours=ours, remedy="Stop it.")

    assert (check(ours=False).status, check(ours=False).remedy) == ("warn", "Stop it.")
    assert check(ours=True).status == "ok"


def test_another_port_is_found_where_the_preferred_is_taken(taken_port: int) -> None:
    assert not is_free(taken_port)
    other = free_port(taken_port)
    assert other != taken_port
    assert is_free(other)
    assert free_port(other) == other


def test_health_tells_ready_from_waiting_from_absent(answering: Start, taken_port: int) -> None:
    ready = ask(answering(200, {"status": "ready", "stages": {"asr": "ready"}}))
    assert (ready.reachable, ready.ready) == (True, True)
    waiting = ask(answering(503, {"stages": {"asr": "no answer within 2 s", "mt": "ready"}}))
    assert (waiting.ready, waiting.missing) == (False, "asr: no answer within 2 s")
    other = ask(answering(404, ["something else"]))
    assert (other.reachable, other.ready) == (True, False)
    assert "404" in other.missing
    assert not ask(f"http://127.0.0.1:{taken_port}", timeout_s=0.1).reachable
    assert not ask("ftp://here").reachable


def test_no_server_is_fine_and_a_sick_one_is_not() -> None:
    url = "http://127.0.0.1:8000"
    assert checks.check_server(url, Health(False, reason="refused")).status == "ok"
    assert checks.check_server(url, Health(True, ready=True)).status == "ok"
    sick = checks.check_server(url, Health(True, stages={"mt": "dead", "vad": "ready"}))
    assert sick.status == "fail"
    assert "mt: dead" in sick.detail
    assert sick.remedy


def test_a_model_that_is_not_there_says_how_to_choose_another() -> None:
    check = check_model(ModelChoice("/nowhere/model", "asr"))
    assert check.status == "fail"
    assert "ASR_MODEL" in check.remedy


def test_a_hub_model_is_looked_for_in_the_cache_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for name in ("nobody/never-published", "nobody/never-published@v1"):
        check = check_model(ModelChoice(name, "mt"))
        assert check.status == "warn"
        assert name in check.detail
        assert "MT_MODEL" in check.remedy


def test_models_come_from_the_configuration_and_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "serve_config.yaml"
    path.write_text(CONFIG.format(model="/a/b/c", device="cpu"))
    monkeypatch.setenv("MT_MODEL", "/d/e/f")
    found = {check.name: check for check in check_models(path)}
    assert "/a/b/c" in found["asr model"].detail
    assert "/d/e/f" in found["mt model"].detail
    assert found["devices"].status == "ok"


def test_a_configuration_that_cannot_be_understood_is_named(tmp_path: Path) -> None:
    path = tmp_path / "serve_config.yaml"
    path.write_text(CONFIG.format(model="x", device="tpu"))
    (check,) = check_models(path)
    assert check.status == "fail"
    assert "asr.device" in check.detail


def test_the_summary_names_what_needs_mending() -> None:
    fine, warned, failed = (Check("a", "ok", ""), Check("b", "warn", ""), Check("c", "fail", ""))
    assert doctor.summary([fine]) == "All is fine."
    assert doctor.summary([fine, warned]) == "Fine, with warnings: b."
    assert doctor.summary([fine, warned, failed]) == "To be mended: c."
