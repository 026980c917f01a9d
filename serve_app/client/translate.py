"""`dragoman translate`: a file or a pipe to the server, the events to the terminal."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from typing import get_args

from rich.console import Console

from deployments.types import SAMPLE_RATE_HZ
from serve_app.client.audio import LAYOUTS, in_background, open_source, read_as_is, read_pcm
from serve_app.client.exits import ExitCode
from serve_app.client.options import DEFAULT_URL, StreamOptions
from serve_app.client.pacing import Pacer
from serve_app.client.render import display
from serve_app.client.stream import translate_stream
from serve_app.session.append import MtMode
from serve_app.session.events import SessionClosed
from serve_app.session.policies import PolicyName
from serve_app.session.presets import Delay

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
        "--to",
        dest="targets",
        metavar="LANG",
        action="append",
        default=[],
        help="language to translate into, such as de; repeat it for more; without it: text only",
    )
    parser.add_argument(
        "--from",
        dest="source",
        metavar="LANG",
        default="auto",
        help="spoken language, or auto to detect it (default: auto)",
    )
    parser.add_argument(
        "--mt-mode",
        choices=get_args(MtMode),
        help="translations grow and are never taken back (append), are revised until the sentence "
        "is complete, or come when it is (final); without it: the server's choice",
    )
    parser.add_argument("--url", default=DEFAULT_URL, help=f"server (default: {DEFAULT_URL})")
    parser.add_argument(
        "--realtime",
        action="store_true",
        help="send the audio at the pace of a microphone instead of all at once",
    )
    parser.add_argument(
        "--delay",
        choices=get_args(Delay),
        help="from fastest to best; the server's own setting without it",
    )
    parser.add_argument(
        "--policy",
        choices=get_args(PolicyName),
        help="when words are committed; as the delay has it without this",
    )
    parser.add_argument("--json", action="store_true", help="print the raw events, one per line")
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
    options = StreamOptions(
        targets=tuple(dict.fromkeys(arguments.targets)),
        source=arguments.source,
        format=arguments.format,
        rate_hz=arguments.rate,
        channels=arguments.channels,
        delay=arguments.delay,
        policy=arguments.policy,
        mt_mode=arguments.mt_mode,
    )
    with open_source(arguments.file) as source:
        if arguments.realtime:
            audio = Pacer().pace(in_background(read_pcm(source, options)))
            options = replace(options, format="pcm_s16le", rate_hz=SAMPLE_RATE_HZ, channels=1)
        else:
            audio = in_background(read_as_is(source))
        return asyncio.run(_show(arguments.url, audio, options, console, json=arguments.json))


async def _show(
    url: str, audio: AsyncIterator[bytes], options: StreamOptions, console: Console, *, json: bool
) -> ExitCode:
    outcome = "error"
    with display(console, options.targets, json=json) as shown:
        async with aclosing(translate_stream(url, audio, options)) as events:
            async for received in events:
                shown.show(received)
                if isinstance(received.event, SessionClosed):
                    outcome = received.event.reason
    return ExitCode.OK if outcome == "completed" else ExitCode.FAILED
