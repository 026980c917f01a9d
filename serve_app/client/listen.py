"""`dragoman listen`: a microphone to the server, the events to the terminal, until Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import math
import signal

from rich.console import Console

from serve_app.client.api import conversation
from serve_app.client.arguments import add_session_arguments, new_client, stream_options
from serve_app.client.exits import ExitCode
from serve_app.client.level import LevelWatch
from serve_app.client.live import AsyncSession
from serve_app.client.microphone import (
    DEFAULT_DEVICE,
    Microphone,
    Recorder,
    find_recorder,
    recording,
)
from serve_app.client.render import display, show_all
from serve_app.session import events as ev

SAME_SIGNAL_S = 0.3
"""timeout(1) sends its signal to the process and to its group: that is one, not two."""

EXAMPLES = """\
examples:
  dragoman listen --to de
  dragoman listen --from en --to de --to es --device hw:1,0
  dragoman listen --to de --url http://replica-1:8000 --url http://replica-2:8000

Ctrl-C ends it: the last words are still committed and translated. Ctrl-C once more leaves at once.
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "listen",
        help="translate what is said into a microphone",
        description="Record from a microphone (with arecord on Linux, with ffmpeg elsewhere) and "
        "show text and translations as they come.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--device",
        default=DEFAULT_DEVICE,
        metavar="NAME",
        help=f"microphone, as the recorder names it (default: {DEFAULT_DEVICE})",
    )
    add_session_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, console: Console) -> ExitCode:
    """Run the command."""
    recorder = find_recorder()
    try:
        return asyncio.run(_listen(arguments, recorder, console))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


async def _listen(arguments: argparse.Namespace, recorder: Recorder, console: Console) -> ExitCode:
    options = stream_options(arguments)
    async with (
        new_client(arguments).open(options) as session,
        recording(recorder, arguments.device) as microphone,
    ):
        _end_at_a_signal(microphone)
        _tell(f"listening to {microphone.name}; Ctrl-C ends")
        with display(console, options.targets, json=arguments.json) as shown:
            speaking = _speak(session, microphone)
            reason = await show_all(conversation(session, speaking), shown)
    return ExitCode.OK if reason == "completed" else ExitCode.FAILED


async def _speak(session: AsyncSession, microphone: Microphone) -> None:
    watch = LevelWatch()
    try:
        async for pcm in microphone.pieces():
            session.send_nowait(pcm)
            if warning := watch.hear(pcm):
                await session.interject(ev.Warning("silent_microphone", warning))
    finally:
        await session.end()


def _end_at_a_signal(microphone: Microphone) -> None:
    """The first ends the audio, another one the command."""
    listening = asyncio.current_task()
    loop = asyncio.get_running_loop()
    first_s = math.inf

    def interrupt() -> None:
        nonlocal first_s
        microphone.stop()
        first_s = min(first_s, loop.time())
        if listening is not None and loop.time() - first_s > SAME_SIGNAL_S:
            listening.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupt)


def _tell(text: str) -> None:
    Console(stderr=True).print(f"dragoman: {text}", markup=False, highlight=False, soft_wrap=True)
