"""Campuses that are played: the ledger closes over all sites, and jobs stay where they must."""

from __future__ import annotations

import numpy as np
import pytest

from envs.scenario import load
from experiments.campus import campus_days
from experiments.campuses.campus_parts import Campus, CampusSite, Residency, Wire, campus_sites
from experiments.campuses.page import answer_words, rule_row
from experiments.campuses.rules import Rule
from experiments.campuses.trial import Stage, played, staged

US = CampusSite("sterling_va", "PJM", "us")
TEXAS, FRANKFURT = CampusSite("dallas_tx", "ERCOT", "us"), CampusSite("frankfurt_de", "DE-LU", "eu")


@pytest.fixture(scope="module")
def stage() -> Stage:
    """Two campuses of two small halls, for two hours; the first hall is full."""
    scenario = load("inference_hall", ["jobs.occupancy=0.9"])
    campus = Campus({"a": US, "b": FRANKFURT}, Wire(data_gb=1.0), Residency(home_frac=0.3, region_frac=0.2))
    return staged(scenario, campus, 2, 2.0 / 24.0, seed=3)


def test_every_site_has_its_own_jobs_weather_and_prices(stage: Stage) -> None:
    assert stage.plan.load.tolist() == [0, 1, 2, 3] and stage.plan.site.tolist() == [0, 1, 0, 1]
    pool = stage.world.site_pool.reshape(2, stage.world.site_steps, -1)
    assert np.abs(pool[0] - pool[1]).max(axis=0)[:4].all()


def test_the_ledger_of_a_campus_closes_while_jobs_travel(stage: Stage) -> None:
    found = campus_days(stage, ["home", "emptiest"])
    assert found["home"].moves.sum() == 0.0 and found["emptiest"].moves.sum() > 0.0
    for one in found.values():
        assert np.abs(one.residual_h).max() < 1e-8
    words = answer_words(found, "home", 2.0 / 24.0)
    assert "not a result" in words and rule_row("emptiest", found, "home", 2.0 / 24.0)["rule"] == "emptiest"


def test_a_rule_that_breaks_residency_is_stopped(stage: Stage) -> None:
    outlaw = Rule("sends everybody away", lambda moment: (moment.site + 1) % 2)
    with pytest.raises(ValueError, match="sites on which they may not run"):
        played(stage, outlaw, 300.0, 0.0)


def test_shares_of_jobs_stay_at_home_and_in_their_region(stage: Stage) -> None:
    campus = Campus({"a": US, "b": TEXAS, "c": FRANKFURT}, residency=Residency(home_frac=0.2, region_frac=0.3))
    assert campus.same_region.tolist() == [[True, True, False], [True, True, False], [False, False, True]]
    may_go = np.concatenate([cards.may_go for cards in stage.cards])
    assert may_go.sum(axis=1).min() == 1
    alone = (may_go.sum(axis=1) == 1).mean()  # each site here is a region of its own
    assert alone == pytest.approx(0.5, abs=0.03)


def test_what_no_campus_is_gets_refused() -> None:
    with pytest.raises(ValueError, match="give at least two"):
        Campus({"a": US})
    with pytest.raises(ValueError, match="add up to more than 1"):
        Residency(home_frac=0.8, region_frac=0.3)
    with pytest.raises(ValueError, match="lacks region"):
        campus_sites({"a": {"climate": "sterling_va", "grid_zone": "PJM"}})
    with pytest.raises(ValueError, match="did you mean 'climate'"):
        campus_sites({"a": {"climat": "sterling_va"}})
    with pytest.raises(ValueError, match="no jobs that could move"):
        staged(load("edge_room"), Campus({"a": US, "b": TEXAS}), 2, 1.0, 0)
    with pytest.raises(ValueError, match="campuses = 1; give 2 or more"):
        staged(load("inference_hall"), Campus({"a": US, "b": TEXAS}), 1, 1.0, 0)
    with pytest.raises(ValueError, match="days = 0.001; give 0.04"):
        staged(load("inference_hall"), Campus({"a": US, "b": TEXAS}), 2, 0.001, 0)


def test_an_unknown_rule_is_refused(stage: Stage) -> None:
    with pytest.raises(ValueError, match="did you mean 'transport'"):
        campus_days(stage, ["transports"])
    with pytest.raises(ValueError, match="every_s = 0"):
        campus_days(stage, ["home"], every_s=0.0)
