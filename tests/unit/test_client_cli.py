"""The command line as a user meets it."""

import asyncio
import json
import shlex
import signal
import subprocess
import sys
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from serve_app.client.cli import build_parser, main
from tests.support.doors import scripted_service, serving
from tests.support.relay import relay
from tests.support.scripted import Script, Spoken

ROOT = Path(__file__).parents[2]
DRAGOMAN = [sys.executable, "-m", "serve_app.client.cli"]
WORDS = [Spoken("Good", 400, 700), Spoken("morning.", 700, 1400)]
SCRIPT = Script(WORDS, length_ms=2500)


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with serving(scripted_service(SCRIPT)) as base:
        yield base


@pytest.fixture
def audio(tmp_path: Path) -> str:
    path = tmp_path / "talk.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(SCRIPT.pcm())
    return str(path)


async def dragoman(*arguments: str) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        *DRAGOMAN, *arguments, cwd=ROOT,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def test_a_pipe_gets_plain_lines(url: str, audio: str) -> None:
    code, out, err = await dragoman("translate", audio, "--to", "de", "--url", url)
    assert (code, err) == (0, "")
    assert out.splitlines() == ["[00:00.4] en: Good morning.", "[00:00.4] -> de: <de>Good morning."]


@pytest.mark.parametrize(("flag", "known"), [("--delay", "xhigh"), ("--policy", "alignatt")])
async def test_an_unknown_choice_is_told_all_there_are(audio: str, flag: str, known: str) -> None:
    code, _, err = await dragoman("translate", audio, flag, "none")
    assert code == 2
    assert known in err


async def test_json_is_what_the_server_sent(url: str, audio: str) -> None:
    code, out, _ = await dragoman("translate", audio, "--to", "de", "--json", "--url", url)
    assert code == 0
    told = [json.loads(line) for line in out.splitlines()]
    assert [event["seq"] for event in told] == list(range(1, len(told) + 1))
    assert (told[0]["type"], told[-1]["type"]) == ("session.created", "session.closed")
    translated = [event["text"] for event in told if event["type"] == "translation.committed"]
    assert translated == ["<de>Good morning."]


async def test_raw_samples_are_what_the_arguments_say(url: str, tmp_path: Path) -> None:
    path = tmp_path / "talk.raw"
    samples = np.frombuffer(SCRIPT.pcm(), dtype="<i2")
    path.write_bytes(np.repeat(samples, 2).tobytes())
    raw = ("--format", "pcm_s16le", "--channels", "2")
    code, out, err = await dragoman("translate", str(path), *raw, "--url", url)
    assert (code, err) == (0, "")
    assert out.splitlines() == ["[00:00.4] en: Good morning."]


async def test_a_pipe_is_read_as_it_comes(url: str, audio: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *DRAGOMAN, "translate", "-", "--realtime", "--url", url, cwd=ROOT,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate(await asyncio.to_thread(Path(audio).read_bytes))
    assert (process.returncode, err) == (0, b"")
    assert out.decode().splitlines() == ["[00:00.4] en: Good morning."]


async def test_a_second_url_is_gone_on_at(url: str, audio: str) -> None:
    nobody = f"http://127.0.0.1:{unused_port()}"
    code, out, err = await dragoman("translate", audio, "--url", nobody, "--url", url)
    assert (code, err) == (0, "")
    assert out.splitlines() == ["[00:00.4] en: Good morning."]


async def test_a_file_that_is_no_audio_is_exit_code_2(url: str, tmp_path: Path) -> None:
    path = tmp_path / "talk.txt"
    path.write_text("This is text.")
    code, out, err = await dragoman("translate", str(path), "--url", url)
    assert (code, out) == (2, "")
    assert "does not begin like any audio format known here" in err


async def test_a_language_that_is_not_served_is_exit_code_2(url: str, audio: str) -> None:
    code, _, err = await dragoman("translate", audio, "--to", "xx", "--url", url)
    assert code == 2
    assert "target='xx' is not served" in err


async def test_the_key_comes_from_the_environment(
    audio: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys: list[str | None] = []

    async def refuse(request: web.Request) -> web.StreamResponse:
        keys.append(request.headers.get("Authorization"))
        return web.Response(status=403)

    app = web.Application()
    app.router.add_get("/v1/stream", refuse)
    monkeypatch.setenv("DRAGOMAN_API_KEY", "sesame")
    async with TestServer(app) as server:
        code, _, err = await dragoman("translate", audio, "--url", str(server.make_url("/")))
    assert (code, keys) == (2, ["Bearer sesame"])
    assert "The API key does not allow this." in err


def test_no_server_is_exit_code_3(audio: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["translate", audio, "--url", f"http://127.0.0.1:{unused_port()}"]) == 3
    assert "make serve" in capsys.readouterr().err


def test_no_file_is_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["translate", "nowhere.wav"]) == 2
    assert (
        capsys.readouterr().err == "dragoman: Cannot read nowhere.wav: No such file or directory.\n"
    )


def test_a_command_is_required() -> None:
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == 2


@pytest.mark.parametrize(
    "command", ["translate", "listen", "doctor", "demo", "serve", "plan", "config"]
)
def test_every_command_explains_itself_with_an_example(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        build_parser().parse_args([command, "--help"])
    assert caught.value.code == 0
    assert "example" in capsys.readouterr().out


async def test_ctrl_c_is_130_even_while_standard_input_is_silent(url: str) -> None:
    async with relay(url) as way:
        process = await asyncio.create_subprocess_exec(
            *DRAGOMAN, "translate", "-", "--url", way.url, cwd=ROOT,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert process.stdin is not None
        process.stdin.write(b"RIFF")
        async with asyncio.timeout(30):
            while way.accepted == 0:  # noqa: ASYNC110 - the relay has no event for it
                await asyncio.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, err = await asyncio.wait_for(process.communicate(), 30)
    assert (process.returncode, out, err) == (130, b"", b"")


async def test_a_closed_pipe_ends_without_a_traceback(url: str, audio: str) -> None:
    command = f"{shlex.join(DRAGOMAN)} translate {audio} --json --url {url}; echo $? >&2"
    process = await asyncio.create_subprocess_shell(
        f"({command}) | true",
        cwd=ROOT, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    _, err = await process.communicate()
    assert err.decode().split() == ["141"]
