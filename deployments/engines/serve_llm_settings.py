"""Where an application of `ray.serve.llm` translates."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class ServeLlmSettings(BaseModel):
    """Of the `serve_llm` engine alone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    app: str = "llm"
    """Name of the application in this cluster."""
    model_id: str = "translator"
    """As that application's `model_loading_config` has it."""
    max_model_len: Annotated[int, Field(ge=256)] = 2_048
    """As that application's `engine_kwargs` have it."""
    max_requests: Annotated[int, Field(ge=1, le=4_096)] = 256
    """What the server works on at a time (`max_num_seqs`), for the autoscaler alone."""

    @property
    def deployment(self) -> str:
        """The name that `ray.serve.llm` gives the server of a model."""
        return f"LLMServer:{self.model_id.replace('/', '--').replace('.', '_')}"
