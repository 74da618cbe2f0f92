"""The profile of a step sees the plant."""

from __future__ import annotations

import pytest

from scripts import step_profile


@pytest.mark.parametrize(("words", "line"), [([], "replay"), (["--as-written"], "chilled_water.py")])
def test_a_profile_names_what_runs(
    words: list[str], line: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLDAISLE_ENGINE", "numpy")
    step_profile.main(["--scenario", "edge_room", "--batch", "2", "--steps", "3", "--lines", "60", *words])
    assert line in capsys.readouterr().out
