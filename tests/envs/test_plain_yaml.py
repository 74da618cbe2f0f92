"""YAML of a user's file: faults name file and line, and nothing is expanded beforehand."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envs.plain_yaml import DEEPEST, checked_text, read_mapping
from envs.scenario import load

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 10)}]\n" for k in range(1, 10)
)
FAULTS = {
    "tab": ("a: 1\n\tb: 2\n", "line 2: cannot be read as YAML"),
    "bracket": ("a: [1,\n", "line 2: cannot be read as YAML"),
    "documents": ("a: 1\n---\nb: 2\n", "line 2: cannot be read as YAML"),
    "twice": ("a: 1\nb:\n  c: 1\n  c: 2\n", "line 4: key 'c' stands twice .first in line 3."),
    "list": ("- a\n", "line 1: expected keys and values"),
    "number": ("5\n", "line 1: expected keys and values"),
    "nothing": ("", "line 1: expected keys and values"),
    "bomb": (BOMB, "its aliases stand for more than 200000 entries"),
    "itself": ("a: &a [*a]\n", "nested|aliases"),
    "deep": ("a: " + "[" * 300 + "]" * 300 + "\n", "nested"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_file_is_refused_by_file_and_line(fault: str, tmp_path: Path) -> None:
    text, words = FAULTS[fault]
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    tracemalloc.start()
    for reader in (read_mapping, checked_text, lambda p: load(str(p))):
        with pytest.raises(ValueError, match=words) as said:
            reader(path)
        assert "bad.yaml, line " in str(said.value)
    assert tracemalloc.get_traced_memory()[1] < 30 << 20
    tracemalloc.stop()


def test_fifty_levels_are_read_and_one_more_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    for lists in (DEEPEST - 1, DEEPEST):
        path.write_text("a: " + "[" * lists + "1" + "]" * lists)
        if lists < DEEPEST:
            assert read_mapping(path)
            continue
        with pytest.raises(ValueError, match="nested deeper than 50 levels"):
            read_mapping(path)


def test_text_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_bytes("a: ä".encode("latin-1"))
    with pytest.raises(ValueError, match=r"bad\.yaml: its text is not UTF-8.*save it as UTF-8"):
        read_mapping(tmp_path / "bad.yaml")


@pytest.mark.parametrize("base", ["5", "[edge_room]", "mine.yaml", "{a: b}"])
def test_a_base_that_is_no_scenario_is_refused(base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(f"base: {base}\n")
    with pytest.raises(ValueError, match=r"mine\.yaml.*base"):
        load("mine.yaml")


def test_anchors_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: &x {b: 1}\nc: *x\n", encoding="utf-8-sig")
    assert read_mapping(tmp_path / "a.yaml") == {"a": {"b": 1}, "c": {"b": 1}}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet="ab:-[]{}&*!#\n\t '\"0.<", max_size=40) | st.text(max_size=20))
def test_any_text_is_a_mapping_or_an_error_that_names_the_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(text.encode("utf-8", errors="surrogatepass"))
    try:
        assert isinstance(read_mapping(path), dict)
    except ValueError as fault:
        assert "a.yaml" in str(fault)
