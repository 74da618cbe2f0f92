"""An analytic policy gradient: the reward itself is differentiated through plant, sensors and rules, window by window.

A window of control steps is played at many sites. The slopes of all its rewards by the policy's weights are handed back
through the core's own step (`envs.engine.gradient`), and one step of Adam follows. The state is carried into the next
window, its past is cut. There is no critic: what a window leaves to the next one is the heat in the loops and the
charge of the battery, which count as they do at an episode's end.

Switches have no slope. What is left to a rule that counts alarms, or to a pad that turns on, is not seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.policies import ActorCriticPolicy, BasePolicy
from torch import Tensor, nn

from agents.learning.path_back import PathBack

if TYPE_CHECKING:
    from stable_baselines3.common.buffers import RolloutBuffer
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.type_aliases import GymEnv, Schedule
    from stable_baselines3.common.vec_env import VecEnv

    from envs.core import DataCenterCore

LEAST_STD = 0.05  # of an element of the observation, whose whole range is 2
Floats = NDArray[np.floating]


class Standardized(nn.Module):
    """The observation less its mean, in standard deviations; both are measured once and kept with the weights.

    The names are those of batch renormalisation, which the export folds into the layer behind.
    """

    ra_mean: Tensor
    ra_var: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.eps = 0.0
        for name, value in (("ra_mean", 0.0), ("ra_var", 1.0), ("scale", 1.0), ("bias", 0.0)):
            self.register_buffer(name, torch.full((size,), value))
        self.register_buffer("measured", torch.zeros(()))

    def measure(self, observations: Tensor) -> None:
        """Take mean and standard deviation from observations ``(N, n)``."""
        self.ra_mean.copy_(observations.mean(dim=0))
        self.ra_var.copy_(observations.std(dim=0).clamp(min=LEAST_STD) ** 2)
        cast("Tensor", self.measured).fill_(1.0)

    def forward(self, x: Tensor) -> Tensor:
        """Standardise ``(N, n)``."""
        return (x - self.ra_mean) / self.ra_var.sqrt()


class Played(NamedTuple):
    """One step of a window."""

    observation: Tensor
    action: Tensor
    """What the policy gave, before it was cut to the box."""
    done: NDArray[np.bool_]


class APG(OnPolicyAlgorithm):
    """Analytic policy gradient with stable-baselines3's policies, callbacks, schedules and files.

    Parameters
    ----------
    policy : str or class
        As stable-baselines3's; its value network and its standard deviation are not used.
    env : VecEnv
        `envs.sb3_vec_env.DataCenterSB3VecEnv`: what is differentiated is its core.
    learning_rate : float or schedule
    n_steps : int
        Control steps of a window.
    max_grad_norm : float
        The gradient is cut to this norm [USD].
    adam_beta2 : float
        How slowly Adam's scale of each weight follows, 0 to 1.
    inlet_margin_k, inlet_usd_k2_h : float
        Inlets above the recommended limit less the margin [K] cost so much [USD per K2, rack and hour] in the loss.
    smooth_switches : bool
        Learn on the plant whose pads turn on by and by; the true plant judges.
    left_share : float
        Which share of the heat and the charge that a window leaves is charged to it.
    load_margin_frac, load_usd_kw2_h : float
        Load of the feeder that binds above this share of its limit costs so much in the loss [USD per kW2 and hour].
    gamma, gae_lambda, vf_coef : float
        Of rollouts; a window has no use for them.
    **keywords
        Those of stable-baselines3's algorithms: ``policy_kwargs``, ``seed``, ``device`` and the like.
    """

    policy_aliases: ClassVar[dict[str, type[BasePolicy]]] = {"MlpPolicy": ActorCriticPolicy}

    def __init__(
        self,
        policy: str,
        env: GymEnv | None,
        learning_rate: float | Schedule = 2e-3,
        n_steps: int = 24,
        max_grad_norm: float = 1.0,
        adam_beta2: float = 0.99,
        inlet_margin_k: float = 0.7,
        inlet_usd_k2_h: float = 20.0,
        smooth_switches: bool = True,
        left_share: float = 1.0,
        load_margin_frac: float = 0.96,
        load_usd_kw2_h: float = 0.0,
        gamma: float = 1.0,
        gae_lambda: float = 1.0,
        vf_coef: float = 0.0,
        policy_kwargs: dict[str, Any] | None = None,
        _init_setup_model: bool = True,
        **keywords: Any,
    ) -> None:
        adam = {"betas": (0.9, adam_beta2), "eps": 1e-8}
        self.inlet_margin_k, self.inlet_usd_k2_h = inlet_margin_k, inlet_usd_k2_h
        self.load_margin_frac, self.load_usd_kw2_h = load_margin_frac, load_usd_kw2_h
        self.smooth_switches, self.left_share = smooth_switches, left_share
        self._window: list[Played] = []
        self._path: PathBack | None = None
        super().__init__(
            policy,
            cast("GymEnv", env),
            learning_rate=learning_rate,
            n_steps=n_steps,
            gamma=gamma,
            gae_lambda=gae_lambda,
            ent_coef=0.0,
            vf_coef=vf_coef,
            max_grad_norm=max_grad_norm,
            use_sde=False,
            sde_sample_freq=-1,
            policy_kwargs={**(policy_kwargs or {}), "optimizer_kwargs": adam},
            _init_setup_model=_init_setup_model,
            **keywords,
        )

    def _setup_model(self) -> None:
        super()._setup_model()
        size = int(np.prod(self.observation_space.shape or ()))
        self.policy.mlp_extractor.policy_net.insert(0, Standardized(size))

    @property
    def _standardized(self) -> Standardized:
        return cast("Standardized", self.policy.mlp_extractor.policy_net[0])

    def _mean_action(self, observation: Tensor) -> Tensor:
        latent = self.policy.mlp_extractor.forward_actor(observation)
        return cast("Tensor", self.policy.action_net(latent))

    # ---- one window -------------------------------------------------------------------------------------------------

    def collect_rollouts(
        self, env: VecEnv, callback: BaseCallback, rollout_buffer: RolloutBuffer, n_rollout_steps: int
    ) -> bool:
        """Play a window with the policy's own actions and keep the way back; False where a callback ends learning."""
        path = self._path_of(env)
        assert self._last_obs is not None
        path.begin()
        self._window = []
        callback.on_rollout_start()
        for _ in range(n_rollout_steps):
            seen = torch.tensor(cast("Floats", self._last_obs), requires_grad=True)
            action = self._mean_action(seen)
            new_obs, rewards, dones, infos = env.step(np.clip(action.detach().numpy(), -1.0, 1.0))
            self.num_timesteps += env.num_envs
            callback.update_locals(locals())
            if not callback.on_step():
                return False
            self._update_info_buffer(infos, dones)
            self._window.append(Played(seen, action, dones.copy()))
            self._last_obs, self._last_episode_starts = cast("Any", new_obs).copy(), dones
        callback.update_locals(locals())
        callback.on_rollout_end()
        return True

    def _path_of(self, env: VecEnv) -> PathBack:
        """What differentiates the core of these environments.

        Raises
        ------
        ValueError
            Where they have none.
        """
        core: DataCenterCore | None = getattr(env, "core", None)
        if core is None:
            raise ValueError(
                f"{type(env).__name__} has no core to differentiate; give apg a DataCenterSB3VecEnv, or take agent=ppo"
            )
        if self._path is None or self._path.core is not core:
            limit_c = core.scenario.reward.inlet_limit_c - self.inlet_margin_k
            self._path = PathBack(
                core,
                limit_c,
                self.inlet_usd_k2_h,
                self.smooth_switches,
                self.left_share,
                getattr(env, "charges", None),
                self.load_margin_frac,
                self.load_usd_kw2_h,
            )
        return self._path

    def _leave_path(self) -> None:
        """Let the environments step as they do for everybody."""
        if self._path is not None:
            self._path.leave()
        self._path, self._window = None, []

    # ---- one update -------------------------------------------------------------------------------------------------

    def train(self) -> None:
        """Hand the window's cost back to the weights, and take one step; the first window only measures."""
        if not bool(self._standardized.measured):
            self._standardized.measure(torch.cat([p.observation.detach() for p in self._window]))
            return
        self._update_learning_rate(self.policy.optimizer)
        self.policy.optimizer.zero_grad()
        self._hand_back()
        norm = float(nn.utils.clip_grad_norm_(self.policy.parameters(), self.max_grad_norm))
        self.policy.optimizer.step()
        self._n_updates += 1
        actions = torch.cat([p.action.detach() for p in self._window])
        self.logger.record("train/n_updates", self._n_updates)
        self.logger.record("train/gradient_norm", norm)
        self.logger.record("train/mean_reach", float(actions.abs().clamp(max=1.0).mean()))

    def _hand_back(self) -> None:
        assert self._path is not None
        behind = self._path.end()
        for k in range(len(self._window) - 1, -1, -1):
            played = self._window[k]
            slopes = behind.action_slopes(k, played.done)
            kept = torch.from_numpy(_kept_inside(slopes, played.action.detach().numpy()))
            torch.autograd.backward(played.action, kept)
            if played.observation.grad is not None:
                behind.add_observation(played.observation.detach().numpy(), played.observation.grad.numpy())


def _kept_inside(slopes: Floats, actions: Floats) -> Floats:
    """Slopes ``(B, n)`` of what is played: an action outside the box counts where it is called back."""
    outward = ((actions > 1.0) & (slopes < 0.0)) | ((actions < -1.0) & (slopes > 0.0))
    return np.where(outward, np.float32(0.0), slopes)
