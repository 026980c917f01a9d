"""`dragoman listen` with a recorder that plays what the test wrote."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp.test_utils import unused_port

from serve_app.client.checks import check_microphone
from serve_app.client.cli import main
from serve_app.client.microphone import MicrophoneError, find_recorder
from tests.support.doors import scripted_service, serving
from tests.support.relay import relay
from tests.support.scripted import Script, Spoken

ROOT = Path(__file__).parents[2]
SCRIPT = Script(
    [Spoken("Good", 300, 600), Spoken("morning.", 600, 1100), Spoken("Thank", 2_500, 2_800),
     Spoken("you.", 2_800, 3_200)],
    length_ms=3_200,
)  # fmt: skip

ARECORD = """\
#!{python}
import sys, time
arguments = " ".join(sys.argv[1:])
assert "-D {device} -t raw -f S16_LE -r 16000 -c 1" in arguments, arguments
with open({pcm!r}, "rb") as file:
    while piece := file.read(640):
        sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
        time.sleep({sleep_s})
{ending}
"""
SILENT_AFTERWARDS = "open({played!r}, 'w').close(); time.sleep(60)"
UNPLUGGED = "sys.exit('arecord: pcm_read:2240: read error: No such device')"

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="arecord is Linux's")


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with serving(scripted_service(SCRIPT)) as base:
        yield base


def plug_in(
    directory: Path, pcm: bytes, ending: str, *, device: str = "default", pace: float = 10
) -> dict[str, str]:
    """An `arecord` on the path; `played` in the directory says when all was recorded."""
    (directory / "pcm").write_bytes(pcm)
    program = directory / "arecord"
    program.write_text(
        ARECORD.format(
            python=sys.executable,
            device=device,
            pcm=str(directory / "pcm"),
            sleep_s=0.02 / pace,
            ending=ending.format(played=str(directory / "played")),
        )
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return {**os.environ, "PATH": f"{directory}:{os.environ['PATH']}"}


async def listen(environment: dict[str, str], *arguments: str) -> Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "serve_app.client.cli", "listen", *arguments),
        cwd=ROOT, env=environment,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


async def until_there_is(path: Path) -> None:
    for _ in range(1_500):
        if await asyncio.to_thread(path.exists):
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{path.name} did not come")


async def ended(process: Process) -> tuple[int | None, list[str], str]:
    out, err = await asyncio.wait_for(process.communicate(), 30)
    return process.returncode, out.decode().splitlines(), err.decode()


@linux
async def test_ctrl_c_ends_with_the_last_words_committed_and_translated(
    url: str, tmp_path: Path
) -> None:
    environment = plug_in(tmp_path, SCRIPT.pcm(), SILENT_AFTERWARDS)
    process = await listen(environment, "--to", "de", "--url", url)
    await until_there_is(tmp_path / "played")
    # The last word was just said, and nobody could know yet that it was the last.
    process.send_signal(signal.SIGINT)
    await asyncio.sleep(0.02)
    process.send_signal(signal.SIGINT)
    code, out, err = await ended(process)
    assert out == [
        "[00:00.3] en: Good morning.",
        "[00:00.3] -> de: <de>Good morning.",
        "[00:02.5] en: Thank you.",
        "[00:02.5] -> de: <de>Thank you.",
    ]
    assert code == 0
    assert err == "dragoman: listening to default (arecord); Ctrl-C ends\n"


@linux
async def test_a_microphone_that_hears_nothing_is_told_of(url: str, tmp_path: Path) -> None:
    environment = plug_in(tmp_path, bytes(6 * 32_000), SILENT_AFTERWARDS, pace=50)
    process = await listen(environment, "--url", url)
    await until_there_is(tmp_path / "played")
    process.send_signal(signal.SIGTERM)
    code, out, _ = await ended(process)
    assert code == 0
    assert out == [
        "warning: Nothing was heard for 5 s (peak no signal): is the microphone muted, or is it "
        "another one? Choose it with --device. (silent_microphone)"
    ]


@linux
async def test_a_microphone_that_is_unplugged_ends_with_what_was_said(
    url: str, tmp_path: Path
) -> None:
    environment = plug_in(tmp_path, SCRIPT.pcm(), UNPLUGGED, device="hw:1,0")
    code, out, err = await ended(await listen(environment, "--device", "hw:1,0", "--url", url))
    assert (code, out) == (2, ["[00:00.3] en: Good morning.", "[00:02.5] en: Thank you."])
    assert "listening to hw:1,0 (arecord)" in err
    assert "arecord stopped recording from 'hw:1,0'" in err
    assert "No such device. Choose another microphone with --device; `arecord -L`" in err


@linux
async def test_a_lost_server_does_not_lose_what_is_said(url: str, tmp_path: Path) -> None:
    environment = plug_in(tmp_path, SCRIPT.pcm(), SILENT_AFTERWARDS, pace=1)
    async with relay(url) as way:
        process = await listen(environment, "--to", "de", "--url", way.url)
        async with asyncio.timeout(30):
            while way.accepted == 0:  # noqa: ASYNC110 - the relay has no event for it
                await asyncio.sleep(0.01)
        await asyncio.sleep(1)
        way.cut()
        await until_there_is(tmp_path / "played")
        process.send_signal(signal.SIGINT)
        code, out, _ = await ended(process)
    assert code == 0
    assert [line for line in out if line.startswith("[")] == [
        "[00:00.3] en: Good morning.",
        "[00:00.3] -> de: <de>Good morning.",
        "[00:02.5] en: Thank you.",
        "[00:02.5] -> de: <de>Thank you.",
    ]
    assert any(line.startswith("connection lost (the connection was cut (1006))") for line in out)
    assert any(line.startswith(f"connected to {way.url}; going on at") for line in out)


@linux
async def test_a_second_ctrl_c_leaves_at_once(tmp_path: Path) -> None:
    environment = plug_in(tmp_path, SCRIPT.pcm(), SILENT_AFTERWARDS)
    service = scripted_service(SCRIPT)
    port = unused_port()
    async with serving(service, port):
        process = await listen(environment, "--url", f"http://127.0.0.1:{port}")
        await until_there_is(tmp_path / "played")
    # Nobody is there any more who could hear the last words.
    process.send_signal(signal.SIGINT)
    await asyncio.sleep(0.5)
    assert process.returncode is None
    process.send_signal(signal.SIGINT)
    code, _, _ = await ended(process)
    assert code == 130


def test_without_a_recorder_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MicrophoneError, match=r"no arecord or ffmpeg .*apt-get install alsa-utils"):
        find_recorder("linux")
    with pytest.raises(MicrophoneError, match=r"no ffmpeg .*brew install ffmpeg"):
        find_recorder("darwin")
    with pytest.raises(MicrophoneError, match=r"not supported on win32.*dragoman translate -"):
        find_recorder("win32")
    assert check_microphone().status == "warn"
    assert "Install one" in check_microphone().remedy
    assert main(["listen"]) == 2
    assert "Install one" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("platform", "input_arguments"),
    [("linux", ["-f", "pulse", "-i", "Mic"]), ("darwin", ["-f", "avfoundation", "-i", ":Mic"])],
)
def test_ffmpeg_records_where_there_is_no_arecord(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: str, input_arguments: list[str]
) -> None:
    plug_in(tmp_path, b"", "")
    (tmp_path / "arecord").rename(tmp_path / "ffmpeg")
    monkeypatch.setenv("PATH", str(tmp_path))
    command = find_recorder(platform).command("Mic")
    assert check_microphone().status == "ok"
    at = command.index("-f")
    assert (command[0], command[at : at + 4]) == ("ffmpeg", input_arguments)
    assert command[at + 4 :][:6] == ["-ac", "1", "-ar", "16000", "-f", "s16le"]
