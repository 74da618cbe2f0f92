"""What users of Gymnasium and stable-baselines3 expect beside the steps: infos, names, lengths, pictures, hooks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.wrappers.vector import DictInfoToList, RecordEpisodeStatistics

from agents.policy import interface_of
from envs.core import DataCenterCore
from envs.episodes.world import World
from envs.hooks import Hooks
from envs.sb3_vec_env import DataCenterSB3VecEnv
from envs.single_env import DataCenterEnv
from envs.vector_env import DataCenterVectorEnv

STEPS = 3
SHORT = ("site.workload_weeks=1", "episode.step_s=300", "episode.substep_s=60", f"episode.steps={STEPS}")
MODES = ("SAME_STEP", "NEXT_STEP", "DISABLED")
WorldOf = Callable[[str], World]


def single(world_of: WorldOf, **options: Any) -> DataCenterEnv:
    return DataCenterEnv("edge_room", SHORT, world=world_of("edge_room"), **options)


def vector(world_of: WorldOf, **options: Any) -> DataCenterVectorEnv:
    return DataCenterVectorEnv("edge_room", 2, SHORT, world=world_of("edge_room"), **options)


def still(env: Any) -> np.ndarray:
    return np.zeros(env.action_space.shape, np.float32)


# ---- infos --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_gymnasiums_episode_statistics_are_the_sums_of_the_episode_in_every_mode(mode: str, world_of: WorldOf) -> None:
    env = RecordEpisodeStatistics(vector(world_of, autoreset_mode=mode))
    env.reset(seed=0)
    ends = 0
    for _ in range(9):
        *_, truncated, info = env.step(still(env))
        if not truncated.any():
            continue
        ends += 1
        ours = info["final_info"] if mode == "SAME_STEP" else info
        np.testing.assert_allclose(info["episode"]["r"], ours["episode_totals"]["r"], rtol=1e-6)
        np.testing.assert_array_equal(info["episode"]["l"], [STEPS] * 2)
        np.testing.assert_array_equal(ours["_episode_totals"], truncated)
        if mode == "DISABLED":
            env.reset(options={"reset_mask": truncated})
    assert ends >= 2


@pytest.mark.parametrize("mode", MODES)
def test_infos_come_apart_by_site(mode: str, world_of: WorldOf) -> None:
    env = DictInfoToList(RecordEpisodeStatistics(vector(world_of, autoreset_mode=mode)))
    first = env.reset(seed=0)[1]
    assert [set(info) >= {"pue", "site"} for info in first] == [True, True]
    for _ in range(STEPS + 1):
        infos = env.step(still(env))[4]
    assert all(np.isfinite(info["facility_power_kw"]) for info in infos)


def test_a_step_tells_power_temperatures_and_pue_as_the_plant_has_them(world_of: WorldOf) -> None:
    env = vector(world_of)
    env.reset(seed=1)
    info, flows = env.step(still(env))[4], env.core.flows
    np.testing.assert_array_equal(info["facility_power_kw"], flows.facility_power_kw)
    np.testing.assert_array_equal(info["cooling_power_kw"], flows.cooling_power_kw)
    np.testing.assert_array_equal(info["inlet_max_c"], flows.zone_inlet_max_c.max(axis=0))
    np.testing.assert_allclose(info["pue"], flows.facility_power_kw / flows.it_power_kw)
    assert (info["pue"] > 1.0).all() and info["_pue"].all()
    alone = single(world_of)
    alone.reset(seed=1)
    said = alone.step(still(alone))[4]
    assert all(
        isinstance(said[name], float) and said[name] == pytest.approx(info[name][0], rel=1e-4)
        for name in ("it_power_kw", "facility_power_kw", "pue", "inlet_max_c", "chip_max_c", "dry_bulb_c")
    )


def test_pue_of_a_dark_hall_is_infinite(world_of: WorldOf) -> None:
    env = vector(world_of)
    env.reset(seed=1)
    none = np.zeros_like(env.core.flows.it_power_kw)
    env.core.flows = env.core.flows._replace(it_power_kw=none)
    from envs.step_info import step_info

    assert np.isposinf(step_info(env.core)["pue"]).all()


def test_a_reset_tells_which_episode_began_and_where_it_stands(world_of: WorldOf) -> None:
    env = vector(world_of, autoreset_mode="DISABLED")
    info = env.reset(seed=3)[1]
    plan = env.core.plan
    np.testing.assert_array_equal(info["site"], plan.site)
    np.testing.assert_allclose(info["day"], plan.site_start * 300.0 / 86_400.0, rtol=1e-6)
    np.testing.assert_array_equal(info["episode_number"], [0, 0])
    np.testing.assert_array_equal(info["facility_power_kw"], env.core.flows.facility_power_kw)
    again = env.reset(options={"reset_mask": np.array([False, True])})[1]
    np.testing.assert_array_equal(again["_episode_number"], [False, True])
    assert again["episode_number"][1] == 1 and again["_pue"].all()


def test_the_last_info_of_an_episode_is_kept_apart_from_the_first_of_the_next(world_of: WorldOf) -> None:
    env, other = vector(world_of), vector(world_of, autoreset_mode="DISABLED")
    for each in (env, other):
        each.reset(seed=5)
    for _ in range(STEPS):
        info, last = env.step(still(env))[4], other.step(still(other))[4]
    for name in ("facility_power_kw", "chip_max_c", "cost_energy_usd"):
        np.testing.assert_array_equal(info["final_info"][name], last[name])
    np.testing.assert_array_equal(info["facility_power_kw"], env.core.flows.facility_power_kw)
    assert not np.array_equal(info["facility_power_kw"], last["facility_power_kw"])
    np.testing.assert_array_equal(info["_episode_number"], [True, True])


def test_reset_options_that_nobody_knows_are_refused_by_name(world_of: WorldOf) -> None:
    with pytest.raises(ValueError, match=r"reset options \['day'\] are unknown; a single"):
        single(world_of).reset(options={"day": 3})
    with pytest.raises(ValueError, match=r"reset options \['day'\] are unknown; the only one is 'reset_mask'"):
        vector(world_of).reset(options={"day": 3, "reset_mask": np.ones(2, bool)})
    single(world_of).reset(options={})


# ---- lengths and names --------------------------------------------------------------------------------------------


def test_the_length_of_episodes_is_an_attribute_and_stands_in_the_spec(world_of: WorldOf) -> None:
    options = {"scenario": "edge_room", "overrides": SHORT, "world": world_of("edge_room")}
    one = gym.make("envs:coldaisle/DataCenter-v1", **options)
    many = gym.make_vec("envs:coldaisle/DataCenter-v1", num_envs=2, **options)
    assert one.spec is not None and many.spec is not None
    assert one.spec.max_episode_steps == one.get_wrapper_attr("max_episode_steps") == STEPS
    assert many.spec.max_episode_steps == many.max_episode_steps == STEPS
    sb3 = DataCenterSB3VecEnv("edge_room", 2, SHORT, world=world_of("edge_room"))
    assert sb3.get_attr("max_episode_steps") == [STEPS] * 2 and sb3.max_episode_steps == STEPS


@pytest.mark.parametrize("scenario", ["edge_room", "ai_hall"])
def test_each_element_of_an_action_has_the_name_of_what_it_moves(scenario: str, world_of: WorldOf) -> None:
    env = DataCenterVectorEnv(scenario, 1, SHORT, world=world_of(scenario))
    assert len(env.action_names) == env.single_action_space.shape[0] == len(set(env.action_names))
    assert len(env.observation_names) == env.single_observation_space.shape[0] == len(set(env.observation_names))
    for k, name in enumerate(env.action_names):
        moved = []
        for push in (-1.0, 1.0):
            env.reset(seed=0)
            action = still(env)
            action[0, k] = push
            env.step(action)
            moved.append({n: v.copy() for n, v in env.core.in_force.items()})
        channel, _, row = name.partition("[")
        differs = {n: np.flatnonzero((moved[0][n] != moved[1][n])[:, 0]).tolist() for n in moved[0]}
        assert differs.pop(channel) == [int(row[:-1] or 0)]
        assert not any(differs.values())


def test_a_shared_feeder_is_one_element_of_the_action() -> None:
    core = DataCenterCore("ai_hall", 1, ("site.workload_weeks=1", "encodings.rack_power_limit_frac=feeder_share"))
    assert core.action_names.count("rack_power_limit_frac") == 1


# ---- pictures -----------------------------------------------------------------------------------------------------


def test_a_site_is_shown_as_text(world_of: WorldOf, capsys: pytest.CaptureFixture[str]) -> None:
    one, many = single(world_of, render_mode="ansi"), vector(world_of, render_mode="ansi")
    for env in (one, many):
        env.reset(seed=0)
        env.step(still(env))
    text = one.render()
    assert text is not None and f"step 1 of {STEPS}" in text and "PUE 1." in text and " kW IT" in text
    assert "chw_supply_temp_setpoint_c = " in text
    assert many.render() is not None and len(many.render() or ()) == 2
    assert capsys.readouterr().out == ""
    assert single(world_of).render() is None


@pytest.fixture
def no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "agg")


def test_without_a_display_mode_human_prints_every_step(
    world_of: WorldOf, capsys: pytest.CaptureFixture[str], no_display: None
) -> None:
    for env in (single(world_of, render_mode="human"), vector(world_of, render_mode="human")):
        env.reset(seed=0)
        for _ in range(2):
            env.step(still(env))
        assert env.render() is None
        assert capsys.readouterr().out.count("PUE") == 3
        env.close()


def test_mode_human_shows_the_site_that_was_chosen(
    world_of: WorldOf, capsys: pytest.CaptureFixture[str], no_display: None
) -> None:
    shown = vector(world_of, render_mode="human", shown_site=1)
    shown.reset(seed=0)
    texts = vector(world_of, render_mode="ansi")
    texts.reset(seed=0)
    assert capsys.readouterr().out.rstrip("\n") == (texts.render() or ())[1]
    with pytest.raises(ValueError, match=r"shown_site = 2 is outside 0\.\.1"):
        vector(world_of, shown_site=2)


@pytest.mark.filterwarnings("ignore:FigureCanvasAgg is non-interactive")
def test_a_window_shows_every_step_and_closes_with_the_environment(
    world_of: WorldOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib")
    from matplotlib import pyplot as plt

    monkeypatch.delenv("MPLBACKEND", raising=False)
    monkeypatch.setenv("DISPLAY", ":0")
    plt.switch_backend("agg")
    env = single(world_of, render_mode="human")
    env.reset(seed=0)
    first = plt.figure("coldaisle").axes[0].images[0].get_array().copy()
    env.step(still(env))
    assert not np.array_equal(first, plt.figure("coldaisle").axes[0].images[0].get_array())
    env.close()
    assert "coldaisle" not in plt.get_figlabels()


def test_a_picture_is_asked_for_after_a_reset(world_of: WorldOf) -> None:
    with pytest.raises(ValueError, match="render before reset"):
        single(world_of, render_mode="rgb_array").render()


def test_every_frame_of_an_episode_is_an_image_and_no_two_are_the_same(world_of: WorldOf) -> None:
    pytest.importorskip("matplotlib")
    options = {"scenario": "edge_room", "overrides": SHORT, "world": world_of("edge_room")}
    env = gym.make("envs:coldaisle/DataCenter-v1", render_mode="rgb_array_list", **options)
    env.reset(seed=0)
    for _ in range(STEPS):
        env.step(still(env))
    frames = env.render()
    assert len(frames) == STEPS + 1 and {f.shape for f in frames} == {(720, 1280, 3)}
    assert not any(np.array_equal(a, b) for a, b in zip(frames, frames[1:]))
    assert env.metadata["render_fps"] > 0


def test_gymnasium_records_a_video_of_one_site_and_of_many(world_of: WorldOf, tmp_path: Path) -> None:
    pytest.importorskip("moviepy")
    pytest.importorskip("matplotlib")
    from gymnasium.wrappers import RecordVideo
    from gymnasium.wrappers.vector import RecordVideo as RecordVideos

    one = RecordVideo(single(world_of, render_mode="rgb_array"), str(tmp_path / "one"), episode_trigger=lambda _: True)
    many = RecordVideos(
        vector(world_of, render_mode="rgb_array"), str(tmp_path / "many"), episode_trigger=lambda _: True
    )
    for env in (one, many):
        env.reset(seed=0)
        for _ in range(STEPS):
            env.step(still(env))
        env.close()
    videos = sorted(tmp_path.rglob("*.mp4"))
    assert {video.parent.name for video in videos} == {"one", "many"}
    assert all(video.stat().st_size > 5_000 for video in videos)


def test_an_unknown_mode_of_rendering_is_refused(world_of: WorldOf) -> None:
    for make in (single, vector):
        with pytest.raises(ValueError, match="render_mode = 'depth_array' is unknown; choose one of"):
            make(world_of, render_mode="depth_array")


# ---- own reward and observation -----------------------------------------------------------------------------------


def kelvin_over(core: DataCenterCore, cost: Any) -> np.ndarray:
    return -core.flows.zone_inlet_max_c.max(axis=0) / 10.0


def two_numbers(core: DataCenterCore) -> np.ndarray:
    seen = core.measurements()
    return np.stack([seen["wet_bulb_c"][0] / 50.0, seen["it_power_share"][0] * 9.0], axis=1)


OWN = Hooks(kelvin_over, two_numbers, ("wet_bulb", "it"))


def test_an_own_reward_and_observation_are_what_every_adapter_gives(world_of: WorldOf) -> None:
    one, many = single(world_of, hooks=OWN), vector(world_of, hooks=OWN)
    sb3 = DataCenterSB3VecEnv("edge_room", 2, SHORT, world=world_of("edge_room"), hooks=OWN)
    sb3.seed(4)
    begun = one.reset(seed=4)[0], many.reset(seed=4)[0][0], sb3.reset()[0]
    assert all(obs.shape == (2,) and obs.dtype == np.float32 for obs in begun)
    one_out, many_out = one.step(still(one)), many.step(still(many))
    sb3_out = sb3.step(np.zeros((2, many.core.action_size), np.float32))
    for obs in (one_out[0], many_out[0][0], sb3_out[0][0]):
        np.testing.assert_allclose(obs, many_out[0][0], atol=1e-5)
    assert one_out[0][1] == 1.0  # clipped
    for core, reward in ((one.core, one_out[1]), (many.core, many_out[1][0]), (sb3.core, sb3_out[1][0])):
        assert reward == pytest.approx(kelvin_over(core, {})[0], rel=1e-5)
    assert many_out[4]["cost_energy_usd"].all()
    assert many.observation_names == ("wet_bulb", "it") and many.single_observation_space.shape == (2,)


def test_an_own_reward_adds_up_in_the_sums_of_the_episode(world_of: WorldOf) -> None:
    env = single(world_of, hooks=Hooks(reward=kelvin_over))
    env.reset(seed=0)
    outs = [env.step(still(env)) for _ in range(STEPS)]
    assert outs[-1][4]["episode_totals"]["r"] == pytest.approx(sum(out[1] for out in outs), rel=1e-5)


def test_the_plant_does_the_same_under_hooks(world_of: WorldOf) -> None:
    own, plain = vector(world_of, hooks=OWN), vector(world_of)
    for env in (own, plain):
        env.reset(seed=2)
        for _ in range(STEPS + 1):
            env.step(still(env))
    np.testing.assert_array_equal(own.core.flows.facility_power_kw, plain.core.flows.facility_power_kw)


@pytest.mark.parametrize(
    ("hooks", "words"),
    [
        ({"reward": lambda core, cost: 0.0}, r"Hooks.reward returned the shape \(\); return \(2,\)"),
        ({"reward": lambda core, cost: [0.0, np.nan]}, r"Hooks.reward returned nan at \[1\]"),
        (
            {"observation": lambda core: np.zeros((3, 2)), "observation_names": ("a", "b", "c")},
            r"Hooks.observation returned the shape \(3, 2\); return \(2, 3\)",
        ),
        ({"observation": lambda core: np.full((2, 1), np.inf), "observation_names": ("a",)}, "returned inf at"),
    ],
)
def test_what_a_hook_may_not_return_is_refused_with_its_place(
    hooks: dict[str, Any], words: str, world_of: WorldOf
) -> None:
    env = vector(world_of, hooks=Hooks(**hooks))
    with pytest.raises(ValueError, match=words):
        env.reset(seed=0)
        env.step(still(env))


@pytest.mark.parametrize("half", [{"observation": two_numbers}, {"observation_names": ("a",)}])
def test_an_observation_and_its_names_come_together(half: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="give both or neither"):
        Hooks(**half)


def test_a_bundle_of_an_own_observation_is_refused(world_of: WorldOf) -> None:
    with pytest.raises(ValueError, match="your own loop"):
        interface_of(vector(world_of, hooks=OWN).core)


def test_ppo_learns_from_own_reward_and_observation(world_of: WorldOf) -> None:
    ppo = pytest.importorskip("stable_baselines3").PPO
    env = DataCenterSB3VecEnv("edge_room", 2, SHORT, world=world_of("edge_room"), hooks=OWN)
    model = ppo("MlpPolicy", env, n_steps=4, batch_size=8, n_epochs=1, device="cpu")
    model.learn(16)
    assert model.num_timesteps == 16 and len(model.ep_info_buffer) >= 2
    assert set(env.last_info) >= {"pue", "facility_power_kw"}


def test_stable_baselines3_refuses_the_vector_env_in_the_words_that_the_page_quotes(world_of: WorldOf) -> None:
    ppo = pytest.importorskip("stable_baselines3").PPO
    with pytest.raises(ValueError, match="DataCenterVectorEnv.*not a Gymnasium environment"):
        ppo("MlpPolicy", vector(world_of))
