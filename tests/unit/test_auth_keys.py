"""API keys: what is kept of them, where they are kept, and how one is found."""

from __future__ import annotations

import hmac
import json
import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from serve_app.auth.keys import KeyRecord, KeyRing, Principal, Scope, digest, new_key
from serve_app.auth.settings import AuthSettings, key_problem
from serve_app.auth.store import FileKeys, KeyFileError, read_keys, write_keys
from serve_app.client.cli import main


def record(key: str, name: str = "aaaa", client: str = "kiosk", *scopes: Scope) -> KeyRecord:
    return KeyRecord(
        id=name,
        client=client,
        scopes=scopes or ("stream",),
        sha256=digest(key),
        created=datetime(2026, 1, 1, tzinfo=UTC),
    )


def test_a_key_is_recognisable_long_and_kept_as_a_hash_alone() -> None:
    key, other = new_key(), new_key()
    assert key.startswith("dgm_")
    assert len(key) == 47
    assert key != other
    assert key[4:] not in record(key).model_dump_json()


def test_every_key_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [new_key() for _ in range(4)]
    ring = KeyRing([record(key, f"key{index}") for index, key in enumerate(keys)])
    compared: list[bytes] = []
    compare = hmac.compare_digest

    def counted(known: bytes, given: bytes) -> bool:
        compared.append(known)
        return compare(known, given)

    monkeypatch.setattr(hmac, "compare_digest", counted)
    for key, name in ((keys[0], "key0"), (keys[3], "key3"), (new_key(), None), ("", None)):
        compared.clear()
        found = ring.find(key)
        assert (found and found.id) == name
        assert len(set(compared)) == 4


def test_admin_may_do_everything_and_others_what_they_say() -> None:
    stream = Principal("a", "k", frozenset({"stream"}))
    admin = Principal("a", "k", frozenset({"admin"}))
    assert [stream.may(scope) for scope in ("stream", "batch", "view", "admin")] == [
        True, False, False, False,
    ]  # fmt: skip
    assert all(admin.may(scope) for scope in ("stream", "batch", "view", "admin"))


def test_a_file_is_replaced_at_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "keys.yaml"
    path.write_text("keys: []")
    path.chmod(0o644)
    written = (record(new_key()), record(new_key(), "bbbb"))
    write_keys(path, written)
    assert read_keys(path) == written
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["keys.yaml"]
    as_json = tmp_path / "keys.json"
    as_json.write_text(json.dumps(yaml.safe_load(path.read_text()), default=str))
    assert read_keys(as_json) == written


def test_what_cannot_be_written_leaves_the_old_file(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="cannot be written"):
        write_keys(tmp_path / "nowhere" / "keys.yaml", ())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "there is no key file at .*dragoman keys create CLIENT --file"),
        ("keys: [", "is not YAML"),
        ("keys: [{id: aaaa}]", r"keys\.0\.client: Field required"),
        ("kiosk: dgm_x", "kiosk: Extra inputs"),
        ("[]x", "is not YAML|Input should be"),
    ],
)
def test_a_bad_file_is_told_and_why(tmp_path: Path, text: str | None, reason: str) -> None:
    path = tmp_path / "keys.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(KeyFileError, match=reason):
        read_keys(path)


def test_a_client_has_two_live_keys_and_no_third(tmp_path: Path) -> None:
    path = tmp_path / "keys.yaml"
    write_keys(path, [record(new_key(), f"key{index}") for index in range(3)])
    with pytest.raises(KeyFileError, match=r"'kiosk' has 3 keys, and may have 2"):
        read_keys(path)
    key = new_key()
    write_keys(path, [record(key), record(key, "bbbb", "other")])
    with pytest.raises(KeyFileError, match="two keys have the sha256"):
        read_keys(path)


def test_a_changed_file_is_read_again_and_a_broken_one_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, now = tmp_path / "keys.yaml", 0.0
    first, second = new_key(), new_key()
    write_keys(path, [record(first)])
    keys = FileKeys(path, clock=lambda: now)
    write_keys(path, [record(second, "bbbb")])
    now = 1.9
    assert keys.ring().find(first)
    now = 2.0
    assert keys.ring().find(first) is None
    assert keys.ring().find(second)
    path.write_text("keys: [")
    os.utime(path, (1, 1))
    now = 4.0
    assert keys.ring().find(second)
    assert "the keys stay as they were" in caplog.text


def test_production_wants_keys_that_are_there(tmp_path: Path) -> None:
    path = tmp_path / "keys.yaml"
    assert key_problem(AuthSettings(), required=False) is None
    assert "API_KEYS_FILE" in str(key_problem(AuthSettings(), required=True))
    in_file, inline = AuthSettings(keys_file=path), AuthSettings(keys=(record(new_key()),))
    for required in (True, False):
        problem = key_problem(in_file, required=required)
        assert str(problem).startswith(f"auth.keys_file: there is no key file at {path}")
    write_keys(path, ())
    assert "nobody could use the server" in str(key_problem(in_file, required=True))
    write_keys(path, [record(new_key())])
    assert key_problem(in_file, required=True) is None
    assert key_problem(inline, required=True) is None


def test_keys_stand_in_one_place(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="exclude each other"):
        AuthSettings(keys_file=tmp_path, keys=(record(new_key()),))


def test_the_command_makes_lists_and_revokes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "keys.yaml"
    file = ["--file", str(path)]
    assert main(["keys", "create", "kiosk", *file]) == 0
    key = capsys.readouterr().out.strip()
    assert main(["keys", "create", "kiosk", "--scope", "view", *file]) == 0
    one, two = read_keys(path)
    assert KeyRing([one, two]).find(key) == one
    assert (one.client, one.scopes, two.scopes) == ("kiosk", ("stream", "batch"), ("view",))
    assert main(["keys", "create", "kiosk", *file]) == 2
    assert "may have 2" in capsys.readouterr().err
    assert main(["keys", "list", *file]) == 0
    listed = capsys.readouterr().out
    assert one.id in listed
    assert two.id in listed
    assert key not in listed + path.read_text()
    assert main(["keys", "revoke", one.id, *file]) == 0
    assert read_keys(path) == (two,)
    assert main(["keys", "revoke", one.id, *file]) == 2
    assert main(["keys", "create", "no such name", *file]) == 2


def test_the_commands_file_may_come_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_KEYS_FILE", str(tmp_path / "keys.yaml"))
    assert main(["keys", "create", "kiosk"]) == 0
    assert len(read_keys(tmp_path / "keys.yaml")) == 1
