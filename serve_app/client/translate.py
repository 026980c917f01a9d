"""`dragoman translate`: a file or a pipe to the server, the events to the terminal."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

from rich.console import Console

from serve_app.client.api import conversation
from serve_app.client.arguments import add_session_arguments, new_client, stream_options
from serve_app.client.audio import LAYOUTS, decoded, in_pieces, open_source
from serve_app.client.exits import ExitCode
from serve_app.client.options import StreamOptions
from serve_app.client.pacing import Pacer
from serve_app.client.render import display, show_all

EXAMPLES = """\
examples:
  dragoman translate talk.mp3 --to de --to es
  dragoman translate talk.wav --to es --realtime        as fast as it was spoken
  ffmpeg -loglevel error -f alsa -i default -f wav - | dragoman translate - --to en
  arecord -q -f S16_LE -r 16000 -t raw | dragoman translate - --format pcm_s16le --to de
  dragoman translate talk.ogg --to de --json | jq -j 'select(.type=="translation.committed").text'

On a terminal, firm text is committed and will not change; dim text is still being heard. Into a
pipe or a file, each segment and each translation is one line, as soon as it is final.
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "translate",
        help="translate a file or standard input, live",
        description="Send speech to a Dragoman server and show text and translations as they come.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", metavar="FILE", help="audio file, or - for standard input")
    parser.add_argument(
        "--realtime",
        action="store_true",
        help="send the audio at the pace of a microphone instead of all at once",
    )
    add_session_arguments(parser)
    _add_audio_arguments(parser)
    parser.set_defaults(run=run)


def _add_audio_arguments(parser: argparse.ArgumentParser) -> None:
    audio = parser.add_argument_group("audio format (containers are recognised by themselves)")
    audio.add_argument(
        "--format",
        default="auto",
        metavar="NAME",
        help="auto, pcm_s16le, wav, flac, ogg, webm, mp3, m4a, aac (default: auto)",
    )
    audio.add_argument(
        "--rate", type=int, default=16_000, metavar="HZ", help="of raw PCM (default: 16000)"
    )
    audio.add_argument(
        "--channels",
        type=int,
        choices=sorted(LAYOUTS),
        default=1,
        help="of raw PCM (default: 1)",
    )


def run(arguments: argparse.Namespace, console: Console) -> ExitCode:
    """Run the command."""
    options = replace(
        stream_options(arguments),
        format=arguments.format,
        rate_hz=arguments.rate,
        channels=arguments.channels,
    )
    with open_source(arguments.file) as source:
        pcm = decoded(source, options)
        audio = Pacer().pace(in_pieces(pcm)) if arguments.realtime else pcm
        return asyncio.run(_translate(arguments, audio, options, console))


async def _translate(
    arguments: argparse.Namespace,
    audio: AsyncIterator[bytes],
    options: StreamOptions,
    console: Console,
) -> ExitCode:
    async with new_client(arguments).open(options) as session:
        with display(console, options.targets, json=arguments.json) as shown:
            reason = await show_all(conversation(session, session.send_all(audio)), shown)
    return ExitCode.OK if reason == "completed" else ExitCode.FAILED
