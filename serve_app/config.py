"""The one tree behind `args:` in serve_config.yaml."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from deployments.asr import AsrSettings
from deployments.models import ModelChoice
from deployments.mt import MtSettings
from deployments.types import StageInfo
from deployments.vad import VadSettings
from serve_app.admission import AdmissionLimits
from serve_app.auth.client_secrets import SecretSigner
from serve_app.auth.settings import AuthSettings, BrowserSettings
from serve_app.environment import overlay
from serve_app.files.pipeline import FileLimits
from serve_app.limits.settings import LimitSettings
from serve_app.pods import PodSettings
from serve_app.runner import StageTimeouts
from serve_app.session.append import MtMode
from serve_app.session.options import SessionOptions
from serve_app.session.policies import PolicyName
from serve_app.session.presets import PRESETS, Delay, Preset
from serve_app.session.segmenter import SegmenterOptions
from serve_app.session.translations import Glossary
from serve_app.session.window import WindowOptions
from serve_app.settings import Section
from serve_app.tokens import RESUME, TokenKind, TokenSigner
from serve_app.viewers.links import CONVERSATION, VIEWER
from serve_app.viewers.settings import ViewerSettings

MODEL_VARIABLES = {"ASR_MODEL": "asr", "MT_MODEL": "mt"}
"""Environment variables that choose a stage's model without a change of the file."""

KEYS_VARIABLE = "RESUME_KEYS"
"""Environment variable with the keys of resume tokens, separated by commas."""
MIN_KEY_CHARACTERS = 32

ORACLE = "oracle"
"""The engines of this name test the server; they need no model and hear no speech."""


Profile = Literal["development", "staging", "production"]


class SessionSettings(Section):
    """How live sessions behave; every default is explained where it is used.

    A number that is null is the preset's; one that is given holds in every preset.
    """

    delay: Delay = "medium"
    """The preset of a session that asks for none."""
    policy: PolicyName | None = None
    """The commit policy of a session that asks for none."""
    update_interval_ms: Annotated[int, Field(ge=100, le=5_000)] | None = None
    """New audio between two decodes of an utterance."""
    max_window_ms: Annotated[int, Field(ge=4_000, le=28_000)] | None = None
    """Beyond this a window lets go of audio whose words are committed."""
    min_silence_ms: Annotated[int, Field(ge=100, le=5_000)] | None = None
    """Silence that ends an utterance."""
    context_characters: Annotated[int, Field(ge=0, le=400)] = WindowOptions().context_characters
    """How much of what was said before goes with each window."""
    speech_probability: Annotated[float, Field(gt=0, lt=1)] = SegmenterOptions().start_probability
    """VAD's probability from which a frame may begin an utterance."""
    max_utterance_ms: Annotated[int, Field(ge=5_000, le=28_000)] = (
        SegmenterOptions().max_utterance_ms
    )
    """An utterance is cut here even without a pause."""
    max_age_s: Annotated[float, Field(ge=30, le=86_400)] | None = None
    """A WebSocket is asked to move on (`go_away`, 1012) after so long: its client goes on with the
    same session, and after an upgrade on a new replica. None: never."""
    mt_mode: MtMode | None = None
    """`append`, `revise` or `final`, for sessions that do not choose; None: `append` where the
    model was made for unfinished sources, else `final`."""

    def mt_mode_for(self, mt: StageInfo) -> MtMode:
        """The mode of sessions that do not choose."""
        return self.mt_mode or ("append" if mt.takes_open else "final")

    def options(
        self,
        source: str | None,
        targets: tuple[str, ...],
        *,
        partials: bool,
        delay: Delay | None = None,
        policy: PolicyName | None = None,
        hotwords: str = "",
        mt_mode: MtMode = "final",
        glossary: Glossary | None = None,
    ) -> SessionOptions:
        """The options of one session; `delay` and `policy` are what it asks for, if anything."""
        preset = PRESETS[delay or self.delay]
        name = policy or self.policy or preset.policy.name
        return SessionOptions(
            source=source,
            targets=targets,
            hotwords=hotwords,
            partials=partials,
            mt_mode=mt_mode,
            glossary=glossary or {},
            policy=replace(preset.policy, name=name),
            segmenter=self._segmenter(preset),
            window=self._window(preset),
            vad_block_frames=preset.vad_block_frames,
        )

    def _segmenter(self, preset: Preset) -> SegmenterOptions:
        return replace(
            preset.segmenter,
            start_probability=self.speech_probability,
            min_silence_ms=self.min_silence_ms or preset.segmenter.min_silence_ms,
            max_utterance_ms=self.max_utterance_ms,
        )

    def _window(self, preset: Preset) -> WindowOptions:
        return replace(
            preset.window,
            update_interval_ms=self.update_interval_ms or preset.window.update_interval_ms,
            max_window_ms=self.max_window_ms or preset.window.max_window_ms,
            context_characters=self.context_characters,
        )


class ResumeSettings(Section):
    """How clients take their sessions up again, on whichever replica they reach."""

    keys: Annotated[tuple[SecretStr, ...], Field(max_length=8)] = ()
    """Sign resume tokens, the same on all replicas: the first signs, all verify. To rotate, put a
    new one in front and drop the old one after `token_ttl_s`. RESUME_KEYS, with commas, overrides
    them. In development there is a random one where none is given."""
    token_ttl_s: Annotated[float, Field(ge=10, le=86_400)] = 3_600.0
    """A client that was away for longer begins anew."""

    @field_validator("keys")
    @classmethod
    def _long_enough(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if any(len(key.get_secret_value()) < MIN_KEY_CHARACTERS for key in keys):
            raise ValueError(
                f"a resume key has at least {MIN_KEY_CHARACTERS} characters; make one with "
                "openssl rand -hex 32"
            )
        return keys

    def signer(self, kind: TokenKind = RESUME, ttl_s: float | None = None) -> TokenSigner:
        """Signs and verifies with the keys; resume tokens where nothing else is said."""
        keys = [key.get_secret_value() for key in self.keys]
        return TokenSigner(keys, self.token_ttl_s if ttl_s is None else ttl_s, kind=kind)

    def secret_signer(self) -> SecretSigner:
        """Signs and verifies client secrets with the same keys."""
        return SecretSigner([key.get_secret_value() for key in self.keys])


class AdmissionSettings(Section):
    """When one replica of the ingress turns new sessions away, so that live ones keep their lag.

    They get 503 with Retry-After, or close code 1013. All figures are of one replica.
    """

    max_sessions: Annotated[int, Field(ge=1, le=100_000)] = AdmissionLimits().max_sessions
    """Less than Serve's max_ongoing_requests of `Ingress`, beyond which connections wait unseen."""
    max_answer_s: Annotated[float, Field(gt=0, le=600)] = AdmissionLimits().max_answer_s
    """Nine of ten answers of ASR within this."""
    max_backlog_s: Annotated[float, Field(gt=0, le=600)] = AdmissionLimits().max_backlog_s
    """Audio of a session, on average, that no stage has heard yet."""
    ramp_sessions: Annotated[int, Field(ge=1, le=100_000)] = AdmissionLimits().ramp_sessions
    """So many may come within five seconds, because they weigh on the stages later; or a quarter of
    as many as are here, if that is more. Beyond half of a limit it is less, down to one."""
    retry_after_s: Annotated[int, Field(ge=1, le=3_600)] = 5
    """When those who are turned away are told to come back."""

    def limits(self) -> AdmissionLimits:
        """As the gate takes them."""
        return AdmissionLimits(
            self.max_sessions,
            self.max_answer_s,
            self.max_backlog_s,
            ramp_sessions=self.ramp_sessions,
        )


class TimeoutSettings(Section):
    """How long a session waits for a stage before it goes on without the answer."""

    vad_s: Annotated[float, Field(gt=0, le=600)] = StageTimeouts().vad_s
    """For speech probabilities."""
    asr_s: Annotated[float, Field(gt=0, le=600)] = StageTimeouts().asr_s
    """For a hypothesis."""
    mt_s: Annotated[float, Field(gt=0, le=600)] = StageTimeouts().mt_s
    """For a translation."""
    patience_s: Annotated[float, Field(ge=0, le=3_600)] = StageTimeouts().patience_s
    """How long what no later answer makes good is asked for again while a stage is away: speech
    probabilities, the last decode of an utterance, the translation of a whole segment."""

    def stage_timeouts(self) -> StageTimeouts:
        """As the runner takes them."""
        return StageTimeouts(self.vad_s, self.asr_s, self.mt_s, self.patience_s)


class FileSettings(Section):
    """How much of whole files one replica of the ingress takes on."""

    max_files: Annotated[int, Field(ge=1, le=1_000)] = FileLimits().max_files
    """Requests at a time; one more is answered with 429."""
    held_bytes: Annotated[int, Field(ge=1_024, le=1 << 36)] = 1 << 30
    """Uploads that are held at a time, in memory; more gets 429."""
    max_windows: Annotated[int, Field(ge=1, le=1_000)] = FileLimits().max_windows
    """Windows in flight to ASR, of all files together."""
    stage_timeout_s: Annotated[float, Field(gt=0, le=3_600)] = FileLimits().stage_timeout_s
    """How long a file waits for one answer of a stage."""

    def limits(self, max_audio_s: int) -> FileLimits:
        """As the pipeline takes them, with the longest file."""
        return FileLimits(self.max_files, self.max_windows, max_audio_s, self.stage_timeout_s)


class AppConfig(Section):
    """All of Dragoman's own settings; replicas and resources stay with Serve's `deployments:`."""

    profile: Profile = "development"
    """Where it runs: `staging` and `production` refuse to start without keys, and production with
    engines that are only good for testing."""
    pods: PodSettings = PodSettings()
    vad: VadSettings = VadSettings()
    asr: AsrSettings = AsrSettings()
    mt: MtSettings = MtSettings()
    session: SessionSettings = SessionSettings()
    resume: ResumeSettings = ResumeSettings()
    admission: AdmissionSettings = AdmissionSettings()
    auth: AuthSettings = AuthSettings()
    browsers: BrowserSettings = BrowserSettings()
    timeouts: TimeoutSettings = TimeoutSettings()
    files: FileSettings = FileSettings()
    limits: LimitSettings = LimitSettings()
    viewers: ViewerSettings = ViewerSettings()

    def conversation_signer(self) -> TokenSigner:
        """Signs the links of conversations, with the same keys."""
        return self.resume.signer(CONVERSATION, self.viewers.link_ttl_s)

    def viewer_signer(self) -> TokenSigner:
        """Signs viewer links, with the keys of resume tokens."""
        return self.resume.signer(VIEWER, self.viewers.link_ttl_s)

    @property
    def models(self) -> tuple[ModelChoice, ...]:
        """The models that the stages will load; an oracle loads none."""
        asr = () if self.asr.engine == ORACLE else (ModelChoice(self.asr.model, "asr"),)
        mt = self.mt.model_choice
        return (*asr, mt) if mt else asr

    @model_validator(mode="after")
    def _the_largest_file_can_be_held(self) -> Self:
        if self.files.held_bytes < self.limits.upload_bytes:
            raise ValueError(
                f"files.held_bytes={self.files.held_bytes} is less than limits.upload_bytes="
                f"{self.limits.upload_bytes}: a file of that size could never be taken. Raise the "
                "one or lower the other."
            )
        return self

    @model_validator(mode="after")
    def _append_wants_a_translator_that_goes_on(self) -> Self:
        goes_on = self.mt.engine != "openai" or self.mt.openai.continues_prefix
        if self.session.mt_mode == "append" and not goes_on:
            raise ValueError(
                "session.mt_mode='append' wants a translator that can go on from what was said. "
                "Set mt.openai.continues_prefix where the server takes continue_final_message, or "
                "mt_mode to 'revise' or 'final'."
            )
        return self

    @model_validator(mode="after")
    def _oracles_hear_together(self) -> Self:
        if ORACLE in {self.vad.engine, self.asr.engine} and self.vad.engine != self.asr.engine:
            raise ValueError(
                "vad.engine and asr.engine are 'oracle' both or neither: what an oracle hears is "
                "no speech to real engines."
            )
        return self


def with_environment(config: AppConfig, environment: Mapping[str, str]) -> AppConfig:
    """The configuration with what the environment sets instead; raises ConfigError."""
    return overlay(config, environment)


def with_resume_key(config: AppConfig) -> AppConfig:
    """The configuration with a key that all its replicas share, where there is none.

    Called once for each deployment: a key that each replica drew for itself would not let clients
    go on at another one. Only development does without a stated key (serve_app/safety.py).
    """
    if config.resume.keys:
        return config
    key = SecretStr(secrets.token_hex(MIN_KEY_CHARACTERS))
    return config.model_copy(update={"resume": config.resume.model_copy(update={"keys": (key,)})})
