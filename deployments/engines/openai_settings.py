"""How a server that speaks OpenAI's chat completions is asked to translate."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class OpenAiMtSettings(BaseModel):
    """Of the `openai` engine alone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_url: Annotated[str, Field(pattern=r"^https?://")] = "http://127.0.0.1:8001/v1"
    """Where `/chat/completions` is."""
    api_key_variable: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] = "MT_API_KEY"
    """The environment variable of the replicas that holds the key; keys stand in no file."""
    continues_prefix: bool = False
    """Whether the server goes on from a last message of its own (`continue_final_message`: vLLM and
    SGLang do, OpenAI does not). Without it there is no `append` mode."""
    system_turn: bool = True
    """False for models whose chat template refuses a system message."""
    languages: tuple[str, ...] = ()
    """ISO 639-1 codes that the model knows; empty for any."""
    max_requests: Annotated[int, Field(ge=1, le=1_024)] = 64
    """In flight at a time from one replica; more of them wait."""
    timeout_s: Annotated[float, Field(gt=0, le=300)] = 10.0
    """For one try."""
    retries: Annotated[int, Field(ge=0, le=10)] = 2
    """After a lost connection, a timeout, 408, 409, 429 or 5xx."""
    retry_wait_s: Annotated[float, Field(ge=0, le=60)] = 0.25
    """Before the first retry; doubled for each one after it. A longer `Retry-After` is heeded."""
