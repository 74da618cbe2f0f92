"""Prices and carbon of a user's own table reach the site, by the scenario's key `site.grid_file`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from envs.episodes.world import Outside, World
from envs.scenario import load

SMALL = ("site.workload_weeks=1",)  # edge_room: Sterling, grid zone PJM, both UTC - 5 h


def written(path: Path, start: str, columns: tuple[str, ...], hours: int = 8760, time: str = "time") -> Path:
    """A table whose values are ten times the month of the stamp."""
    stamps = np.datetime64(start, "s") + np.arange(hours) * np.timedelta64(3600, "s")
    month = stamps.astype("datetime64[M]").astype(int) % 12 + 1
    rows = [",".join([str(t), *[str(10 * m)] * len(columns)]) for t, m in zip(stamps, month)]
    path.write_text("\n".join([",".join([time, *columns]), *rows]) + "\n")
    return path


def signal(name: str, path: Path | None = None) -> np.ndarray:
    """A signal of the world's site at the start of every hour from 1 January on."""
    world = World.build(load("edge_room", [*SMALL, *([f"site.grid_file={path}"] if path else [])]))
    return world.site_pool[:: world.steps_per_day // 24, Outside._fields.index(name)]


@pytest.mark.parametrize("start", ["2023-01-01T00:00:00", "2022-07-01T00:00:00"])
def test_a_table_of_prices_replaces_them_month_by_month_and_leaves_carbon(start: str, tmp_path: Path) -> None:
    path = written(tmp_path / "p.csv", start, ("price_usd_mwh",))
    month = (np.datetime64("2023-01-01T00", "h") + np.arange(8760)).astype("datetime64[M]").astype(int) % 12 + 1
    np.testing.assert_allclose(signal("price_usd_mwh", path), 10.0 * month, atol=1e-4)
    np.testing.assert_array_equal(signal("carbon_g_kwh", path), signal("carbon_g_kwh"))


def test_a_table_of_carbon_leaves_prices_and_one_of_both_replaces_both(tmp_path: Path) -> None:
    path = written(tmp_path / "c.csv", "2023-01-01T00:00:00", ("carbon_g_kwh",))
    np.testing.assert_array_equal(signal("price_usd_mwh", path), signal("price_usd_mwh"))
    assert signal("carbon_g_kwh", path)[0] == 10.0
    both = written(tmp_path / "b.csv", "2023-01-01T00:00:00", ("carbon_g_kwh", "price_usd_mwh"))
    assert signal("carbon_g_kwh", both)[-1] == signal("price_usd_mwh", both)[-1] == 120.0


@pytest.mark.parametrize(
    ("columns", "hours", "time", "words"),
    [
        (("price_usd_mwh",), 48, "time", "line 49: 48 rows of 3600 s cover 2 days, expected 365: a year is never"),
        (("price",), 8760, "time", "line 1: found time, price, expected price_usd_mwh and/or carbon_g_kwh"),
        (("price_usd_mwh",), 8760, "timestamp", "column 'timestamp': time stamps are read from a column 'time'"),
    ],
)
def test_a_table_that_cannot_be_meant_is_refused_with_its_name(
    columns: tuple[str, ...], hours: int, time: str, words: str, tmp_path: Path
) -> None:
    path = written(tmp_path / "bad.csv", "2023-01-01T00:00:00", columns, hours, time)
    with pytest.raises(ValueError) as refused:
        signal("price_usd_mwh", path)
    assert str(path) in str(refused.value) and words in str(refused.value)
