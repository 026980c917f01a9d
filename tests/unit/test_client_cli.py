"""The command line as a user meets it."""

import asyncio
import json
import shlex
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from serve_app.client.cli import build_parser, main
from serve_app.session import events as ev

ROOT = Path(__file__).parents[2]
DRAGOMAN = [sys.executable, "-m", "serve_app.client.cli"]
EVENTS = [
    ev.TranscriptCommitted("a", "u", "Good morning.", 400, 1400, "en", True),
    ev.TranslationCommitted("a", "de", "Guten Morgen."),
    ev.SessionClosed("completed"),
]


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async def talk(request: web.Request) -> web.StreamResponse:
        await request.read()
        lines = [json.dumps(ev.to_wire(seq, event)) + "\n" for seq, event in enumerate(EVENTS)]
        return web.Response(text="".join(lines))

    app = web.Application()
    app.router.add_post("/v1/stream", talk)
    async with TestServer(app) as server:
        yield str(server.make_url("/"))


@pytest.fixture
def audio(tmp_path: Path) -> str:
    path = tmp_path / "talk.wav"
    path.write_bytes(b"RIFF")
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
    assert out.splitlines() == ["[00:00.4] en: Good morning.", "[00:00.4] -> de: Guten Morgen."]


@pytest.mark.parametrize(("flag", "known"), [("--delay", "xhigh"), ("--policy", "alignatt")])
async def test_an_unknown_choice_is_told_all_there_are(audio: str, flag: str, known: str) -> None:
    code, _, err = await dragoman("translate", audio, flag, "none")
    assert code == 2
    assert known in err


async def test_json_is_what_the_server_sent(url: str, audio: str) -> None:
    code, out, _ = await dragoman("translate", audio, "--to", "de", "--json", "--url", url)
    assert code == 0
    assert [json.loads(line)["type"] for line in out.splitlines()] == [
        event.type for event in EVENTS
    ]


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


@pytest.mark.parametrize("command", ["translate", "doctor", "demo", "serve"])
def test_every_command_explains_itself_with_an_example(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        build_parser().parse_args([command, "--help"])
    assert caught.value.code == 0
    assert "example" in capsys.readouterr().out


async def test_ctrl_c_is_130_even_while_standard_input_is_silent() -> None:
    heard = asyncio.Event()

    async def listen(request: web.Request) -> web.StreamResponse:
        heard.set()
        await request.read()
        return web.Response()

    app = web.Application()
    app.router.add_post("/v1/stream", listen)
    async with TestServer(app) as server:
        process = await asyncio.create_subprocess_exec(
            *DRAGOMAN, "translate", "-", "--url", str(server.make_url("/")), cwd=ROOT,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert process.stdin is not None
        process.stdin.write(b"RIFF")
        await asyncio.wait_for(heard.wait(), 30)
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
