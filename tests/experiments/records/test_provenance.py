from __future__ import annotations

from pathlib import Path

from experiments.records.provenance import content_hash, git_state, provenance


def test_the_order_of_keys_does_not_change_the_hash() -> None:
    assert content_hash({"a": 1, "b": 2}) == content_hash({"b": 2, "a": 1})
    assert content_hash({"a": 1}) != content_hash({"a": 2})


def test_outside_a_checkout_the_git_hash_is_unknown(tmp_path: Path) -> None:
    assert git_state(tmp_path)["git_hash"] == "unknown"


def test_data_files_are_hashed_by_content(tmp_path: Path) -> None:
    file = tmp_path / "trace.csv"
    file.write_text("a")
    before = provenance([file])["data_hashes"]
    file.write_text("b")
    assert before != provenance([file])["data_hashes"]
    assert set(before) == {"trace.csv"}
