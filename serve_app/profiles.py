"""Configurations that ship with the package, by name."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
# In a checkout, and in an installed wheel.
_PLACES = (_PACKAGE.parent / "profiles", _PACKAGE / "_profiles")

SIZES = {"light": "gpu-12gb", "medium": "gpu-16gb", "heavy": "gpu-24gb"}
"""What to take for one or two speakers, for five to ten, and for more."""


class UnknownProfileError(Exception):
    """No profile bears the name; the message lists those there are."""


def profile_names() -> tuple[str, ...]:
    """Of all that ship."""
    return tuple(sorted(path.stem for place in _PLACES for path in place.glob("*.yaml")))


def profile_path(name: str) -> Path:
    """The file of a profile, named itself or by its size; raises UnknownProfileError."""
    file = f"{SIZES.get(name, name)}.yaml"
    found = next((place / file for place in _PLACES if (place / file).is_file()), None)
    if found is None:
        raise UnknownProfileError(
            f"There is no profile {name!r}; there are {', '.join((*profile_names(), *SIZES))}."
        )
    return found
