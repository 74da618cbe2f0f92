"""What may be set of each algorithm, with its defaults: they learnt fast on this plant (STACK "What learns fast")."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class LearnerSettings:
    """What every algorithm shares.

    Attributes
    ----------
    learning_rate : float
        Step of the optimiser.
    anneal_learning_rate : bool
        Let the step fall to zero over ``total_steps``.
    batch_size : int
        Transitions of one gradient step.
    gamma : float
        Discount of a control step, 0 to 1.
    hidden : list of int
        Width of each hidden layer.
    activation : str
        ``tanh``, ``relu`` or ``elu``.
    """

    learning_rate: float = 3e-4
    anneal_learning_rate: bool = False
    batch_size: int = 256
    gamma: float = 0.9
    hidden: list[int] = field(default_factory=lambda: [64, 64])
    activation: str = "relu"


@dataclass
class PPOSettings(LearnerSettings):
    """Proximal policy optimisation: few samples a cycle, many cycles.

    Attributes
    ----------
    n_steps : int
        Control steps of each environment before an update.
    n_epochs : int
        Passes over them in an update.
    gae_lambda : float
        Weight of longer returns in the advantage, 0 to 1.
    clip_range : float
        How far an update may move the probability of an action, as a share.
    ent_coef : float
        Weight of the entropy in the loss.
    vf_coef : float
        Weight of the value's loss.
    max_grad_norm : float
        The gradient is cut to this norm.
    log_std_init : float
        Logarithm of the exploration's first standard deviation, in half action ranges.
    """

    learning_rate: float = 1e-3
    anneal_learning_rate: bool = True
    batch_size: int = 2048
    gamma: float = 0.97
    activation: str = "tanh"
    n_steps: int = 8
    n_epochs: int = 4
    gae_lambda: float = 0.95
    clip_range: float = 0.2
    ent_coef: float = 0.0
    vf_coef: float = 0.5
    max_grad_norm: float = 0.5
    log_std_init: float = -2.0


@dataclass
class APGSettings:
    """Analytic policy gradient: the reward differentiated through the plant, one update a window.

    Attributes
    ----------
    learning_rate : float
        Step of the optimiser.
    anneal_learning_rate : bool
        Let the step fall to zero over ``total_steps``.
    hidden : list of int
        Width of each hidden layer.
    activation : str
        ``tanh``, ``relu`` or ``elu``.
    n_steps : int
        Control steps of a window.
    max_grad_norm : float
        The gradient is cut to this norm.
    adam_beta2 : float
        How slowly the optimiser's scale of each weight follows, 0 to 1.
    inlet_margin_k : float
        Rack inlets count in the loss from so much below the recommended limit.
    inlet_usd_k2_h : float
        What they cost there, per K2, rack and hour, beside the reward.
    smooth_switches : bool
        Learn on a plant whose pads turn on by and by over their hysteresis; scores are of the true plant.
    left_share : float
        Which share of the heat and the charge that a window leaves is charged to it, at the price of an episode's end.
    load_margin_frac : float
        The feeder that binds counts in the loss above this share of its limit.
    load_usd_kw2_h : float
        What it costs there, per kW2 and hour, beside the reward. Above 0 the smooth plant is without the fast capper, a
        switch without a slope, and this stands in for it.
    """

    learning_rate: float = 2e-3
    anneal_learning_rate: bool = True
    hidden: list[int] = field(default_factory=lambda: [64, 64])
    activation: str = "tanh"
    n_steps: int = 24
    max_grad_norm: float = 1.0
    adam_beta2: float = 0.99
    inlet_margin_k: float = 0.7
    inlet_usd_k2_h: float = 20.0
    smooth_switches: bool = True
    left_share: float = 1.0
    load_margin_frac: float = 0.96
    load_usd_kw2_h: float = 0.0


@dataclass
class APGThenPPOSettings(APGSettings):
    """The gradient first, then PPO on the true plant, with the same network.

    Attributes
    ----------
    first_stage_steps : int
        Environment steps that the gradient learns from; what is left of ``total_steps`` is PPO's.
    ppo_learning_rate : float
        Step of the optimiser in PPO's stage.
    value_rollouts : int
        Rollouts at its beginning in which only the value network learns.
    batch_size : int
        Transitions of one gradient step of PPO.
    n_epochs : int
        Passes over them in an update.
    gamma : float
        Discount of a control step, 0 to 1.
    gae_lambda : float
        Weight of longer returns in the advantage, 0 to 1.
    clip_range : float
        How far an update may move the probability of an action, as a share.
    vf_coef : float
        Weight of the value's loss.
    log_std_init : float
        Logarithm of the exploration's first standard deviation, in half action ranges.
    """

    first_stage_steps: int = 1_000_000
    ppo_learning_rate: float = 3e-4
    value_rollouts: int = 10
    batch_size: int = 1024
    n_epochs: int = 4
    gamma: float = 0.97
    gae_lambda: float = 0.95
    clip_range: float = 0.2
    vf_coef: float = 0.5
    log_std_init: float = -3.5


@dataclass
class OffPolicySettings(LearnerSettings):
    """What every algorithm with a replay buffer shares.

    Attributes
    ----------
    buffer_size : int
        Transitions that are kept.
    learning_starts : int
        Environment steps before the first update.
    train_freq : int
        Control steps of each environment before an update.
    gradient_steps : int
        Gradient steps of an update.
    """

    buffer_size: int = 500_000
    learning_starts: int = 5_000
    train_freq: int = 1
    gradient_steps: int = 4


@dataclass
class SACSettings(OffPolicySettings):
    """Soft actor-critic.

    Attributes
    ----------
    tau : float
        Share of the network that the target takes over at each update.
    ent_coef : str
        Weight of the entropy: a number, or ``auto`` to learn it.
    """

    tau: float = 0.005
    ent_coef: str = "auto"


@dataclass
class TD3Settings(OffPolicySettings):
    """Twin delayed deterministic policy gradient, with Gaussian exploration noise.

    Attributes
    ----------
    tau : float
        Share of the network that the target takes over at each update.
    policy_delay : int
        Updates of the critic for each one of the actor.
    noise_std : float
        Standard deviation of the exploration, in half action ranges.
    """

    tau: float = 0.005
    policy_delay: int = 2
    noise_std: float = 0.2


@dataclass
class TQCSettings(OffPolicySettings):
    """Truncated quantile critics.

    Attributes
    ----------
    tau : float
        Share of the network that the target takes over at each update.
    ent_coef : str
        Weight of the entropy: a number, or ``auto`` to learn it.
    top_quantiles_to_drop_per_net : int
        Quantiles of each critic that are left out, against overestimation.
    """

    tau: float = 0.005
    ent_coef: str = "auto"
    top_quantiles_to_drop_per_net: int = 2


@dataclass
class CrossQSettings(OffPolicySettings):
    """CrossQ: batch renormalisation in place of target networks.

    Attributes
    ----------
    learning_rate : float
        Step of the optimiser.
    ent_coef : str
        Weight of the entropy: a number, or ``auto`` to learn it.
    policy_delay : int
        Updates of the critic for each one of the actor.
    """

    learning_rate: float = 1e-3
    ent_coef: str = "auto"
    policy_delay: int = 3
