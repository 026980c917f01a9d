"""The shipped sample speech is what its manifest says."""

from itertools import pairwise
from pathlib import Path

import av
import pytest

from models import phrasebook
from serve_app.client.errors import UsageError
from serve_app.client.samples import Sample, load_samples

DIRECTORY = Path(__file__).parents[2] / "samples"
MAX_BYTES = 3 * 1024 * 1024


@pytest.fixture(params=range(3), ids=["first", "second", "third"])
def sample(request: pytest.FixtureRequest) -> Sample:
    return load_samples(DIRECTORY)[request.param]


def test_all_three_languages_in_three_mebibytes() -> None:
    samples = load_samples(DIRECTORY)
    assert {item.entry.language for item in samples} == set(phrasebook.LANGUAGES)
    assert sum(path.stat().st_size for path in DIRECTORY.iterdir()) < MAX_BYTES


def test_each_recording_is_as_long_as_told(sample: Sample) -> None:
    with av.open(str(sample.path)) as container:
        assert container.duration is not None
        assert container.duration / 1000 == pytest.approx(sample.entry.duration_ms, abs=50)
    assert 45_000 < sample.entry.duration_ms < 65_000


def test_sentences_are_held_out_and_parted_by_pauses(sample: Sample) -> None:
    sentences = sample.entry.sentences
    for sentence in sentences:
        texts = {sample.entry.language: sentence.text, **sentence.translations}
        assert set(texts) == set(phrasebook.LANGUAGES)
        assert phrasebook.is_held_out(phrasebook.Sentence("", "", **texts))
    for one, following in pairwise(sentences):
        assert 700 <= following.start_ms - one.end_ms <= 1500
    assert len({sentence.voice for sentence in sentences}) == 3


def test_a_directory_without_samples_says_where_they_are(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="checkout"):
        load_samples(tmp_path)
