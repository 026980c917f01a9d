"""Server events of OpenAI's realtime protocols, held to the types of its Python package."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from openai.types.realtime import (
    ConversationItemAdded,
    ConversationItemDone,
    ConversationItemInputAudioTranscriptionCompletedEvent,
    ConversationItemInputAudioTranscriptionDeltaEvent,
    ConversationItemInputAudioTranscriptionFailedEvent,
    InputAudioBufferClearedEvent,
    InputAudioBufferCommittedEvent,
    InputAudioBufferSpeechStartedEvent,
    InputAudioBufferSpeechStoppedEvent,
    RealtimeErrorEvent,
    RealtimeTranslationInputTranscriptDeltaEvent,
    RealtimeTranslationOutputTranscriptDeltaEvent,
    RealtimeTranslationSessionClosedEvent,
    RealtimeTranslationSessionCreatedEvent,
    RealtimeTranslationSessionUpdatedEvent,
    SessionCreatedEvent,
    SessionUpdatedEvent,
)
from pydantic import BaseModel

from serve_app.api.boxes import Message

TRANSLATION: dict[str, type[BaseModel]] = {
    "session.created": RealtimeTranslationSessionCreatedEvent,
    "session.updated": RealtimeTranslationSessionUpdatedEvent,
    "session.closed": RealtimeTranslationSessionClosedEvent,
    "session.input_transcript.delta": RealtimeTranslationInputTranscriptDeltaEvent,
    "session.output_transcript.delta": RealtimeTranslationOutputTranscriptDeltaEvent,
    "error": RealtimeErrorEvent,
}
_ITEM = "conversation.item.input_audio_transcription"
TRANSCRIPTION: dict[str, type[BaseModel]] = {
    "session.created": SessionCreatedEvent,
    "session.updated": SessionUpdatedEvent,
    "input_audio_buffer.speech_started": InputAudioBufferSpeechStartedEvent,
    "input_audio_buffer.speech_stopped": InputAudioBufferSpeechStoppedEvent,
    "input_audio_buffer.committed": InputAudioBufferCommittedEvent,
    "input_audio_buffer.cleared": InputAudioBufferClearedEvent,
    "conversation.item.added": ConversationItemAdded,
    "conversation.item.done": ConversationItemDone,
    f"{_ITEM}.delta": ConversationItemInputAudioTranscriptionDeltaEvent,
    f"{_ITEM}.completed": ConversationItemInputAudioTranscriptionCompletedEvent,
    f"{_ITEM}.failed": ConversationItemInputAudioTranscriptionFailedEvent,
    "error": RealtimeErrorEvent,
}


def checked(messages: Iterable[Message], kinds: dict[str, type[BaseModel]]) -> list[Any]:
    """As the SDK's objects; ValidationError where the SDK's type wants something else."""
    wire = [json.loads(message.text) for message in messages]
    return [kinds[one["type"]].model_validate(one) for one in wire]
