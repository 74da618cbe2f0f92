"""Numbers behind the synthetic workload: tables only, each with its source (WORKLOAD 1, WORKLOAD 2, WORKLOAD 6).

Power shares are of the accelerator's TDP. Values tagged "engineering guess" have no measurement behind them.
"""

from __future__ import annotations

import numpy as np

MINUTES_PER_WEEK = 10_080
SECONDS_PER_WEEK = 604_800

# WORKLOAD 1b (fleet A100 idle), WORKLOAD 6: power of one accelerator as a share of its TDP
IDLE_POWER_FRAC = 0.16
CLASS_POWER_FRAC = {"pretrain": 0.95, "finetune": 0.86, "prefill": 1.0, "decode": 0.43, "batch": 0.95}


def activity_from_power(power_frac: np.ndarray, class_name: str) -> np.ndarray:
    """Share of accelerators active in a class that draws the mean power ``power_frac`` (of TDP, idle included).

    ``a = (p - p_idle) / (p_class - p_idle)``, the inverse of WORKLOAD 6c; zero at idle and below.
    """
    span = CLASS_POWER_FRAC[class_name] - IDLE_POWER_FRAC
    return np.maximum((power_frac - IDLE_POWER_FRAC) / span, 0.0)


# WORKLOAD 2: Azure LLM inference week of May 2024 (CC BY 4.0), UTC hours from Monday, mean 1, digitised
AZURE_CONV = np.fromstring(
    """
    0.97 1.10 1.10 0.91 0.92 1.00 1.14 1.21 1.27 1.18 1.16 1.24
    1.33 1.48 1.66 1.55 1.36 1.28 1.26 1.24 1.17 0.94 0.92 0.97
    1.08 1.12 1.15 0.94 0.95 1.01 1.17 1.30 1.28 1.25 1.17 1.27
    1.45 1.54 1.65 1.55 1.43 1.34 1.42 1.30 1.18 1.04 0.89 0.85
    1.00 1.08 1.03 0.87 0.90 0.97 1.11 1.19 1.22 1.23 1.13 1.19
    1.35 1.48 1.51 1.43 1.29 1.23 1.28 1.20 1.05 0.80 0.76 0.85
    1.00 1.15 1.09 0.92 0.90 1.00 1.22 1.28 1.39 1.32 1.05 1.11
    1.27 1.48 1.52 1.34 1.25 1.24 1.24 1.12 1.00 0.88 0.78 0.87
    1.03 1.10 1.07 0.88 0.91 1.01 1.12 1.22 1.19 1.18 1.05 1.07
    1.18 1.29 1.29 1.23 1.13 1.11 0.97 0.92 0.86 0.73 0.60 0.58
    0.58 0.62 0.64 0.52 0.53 0.56 0.56 0.62 0.65 0.57 0.64 0.70
    0.77 0.77 0.84 0.86 0.82 0.75 0.69 0.66 0.69 0.64 0.58 0.54
    0.56 0.59 0.56 0.50 0.47 0.48 0.50 0.57 0.57 0.55 0.55 0.63
    0.64 0.81 0.75 0.79 0.73 0.76 0.77 0.71 0.68 0.68 0.64 0.77
    """,
    sep=" ",
)
AZURE_CODE = np.fromstring(
    """
    0.66 0.67 0.66 0.58 0.50 0.39 0.32 0.32 0.29 0.29 0.29 0.46
    0.77 1.44 2.04 2.29 2.18 2.46 2.70 2.80 2.59 2.02 1.57 1.11
    1.00 1.05 0.94 0.65 0.54 0.43 0.35 0.29 0.27 0.32 0.34 0.51
    0.95 1.72 2.42 2.41 2.13 2.64 2.97 2.96 2.69 1.94 1.43 1.10
    0.99 0.90 0.82 0.74 0.56 0.44 0.40 0.32 0.31 0.28 0.35 0.49
    0.89 1.56 2.09 2.31 2.36 2.59 2.92 3.02 2.89 2.08 1.35 1.08
    0.92 0.82 0.86 0.68 0.53 0.46 0.42 0.33 0.31 0.32 0.33 0.52
    1.00 1.47 2.16 2.29 2.23 2.58 2.85 2.89 2.56 1.86 1.33 1.04
    0.77 0.78 0.69 0.58 0.46 0.40 0.33 0.30 0.25 0.29 0.30 0.40
    0.72 1.20 1.76 1.96 1.79 2.05 2.11 2.17 2.08 1.56 1.13 0.76
    0.61 0.56 0.48 0.47 0.39 0.31 0.27 0.19 0.15 0.12 0.10 0.17
    0.26 0.35 0.43 0.47 0.52 0.58 0.62 0.63 0.56 0.52 0.57 0.49
    0.48 0.50 0.46 0.44 0.38 0.31 0.24 0.16 0.12 0.12 0.13 0.15
    0.22 0.28 0.36 0.44 0.47 0.47 0.55 0.57 0.64 0.67 0.62 0.61
    """,
    sep=" ",
)
SERVICE_PROFILE = {"conv": AZURE_CONV, "code": AZURE_CODE}

# WORKLOAD 6b: extra-Poisson sd of one minute; index of dispersion of a minute's count (gamma gaps of shape
# 0.84 give 1/0.84)
SERVICE_MINUTE_SD = {"conv": 0.08, "code": 0.13}
SERVICE_DISPERSION = {"conv": 1.0 / 0.84, "code": 1.0 / 0.84}
SMALL_CODE_POOL_DISPERSION = 100.0  # retries, pools below 10 requests/s, WORKLOAD 6b
SMALL_POOL_RATE_S = 10.0
# mean requests/s per rated accelerator: Azure's 45.1 and 27.8 /s spread over the default 216 and 144 (engineering
# guess)
SERVICE_RATE_PER_GPU_S = {"conv": 45.1 / 216.0, "code": 27.8 / 144.0}
# WORKLOAD 2, Azure 2023 hour: mean input and output tokens per request
SERVICE_TOKENS = {"conv": (1155.0, 211.0), "code": (2048.0, 28.0)}
# accelerator time of one input token over that of one output token at saturation: 11,452 tokens/s (PHYSICS B3) over
# 30,800 prompt tokens/s, which is half (engineering guess) of an H100's dense rate, 989 Tflop/s at 16.06 Gflop a token
PREFILL_TOKEN_COST = 0.37

# WORKLOAD 6b: log-load terms (sd, tau in minutes); an AR(1) of step D and coefficient phi has tau = -D / ln(phi)
LOAD_TERMS = {
    "week": (0.04, -MINUTES_PER_WEEK / np.log(0.8)),
    "day": (0.06, -1440.0 / np.log(0.6)),
    "hours": (0.05, 240.0),
}
LOAD_MINUTE_TAU = 15.0
EVENTS_PER_WEEK = 0.5
EVENT_LENGTH_MIN = (15.0, 120.0)
EVENT_FACTORS = (0.5, 1.3, 1.5)

# PHYSICS B3, Llama-3.1-8B on one H100: batches at which the token rate and the rise of power are half-way
BATCH_HALF_TOKENS, BATCH_HALF_POWER = 77.6, 36.3
SATURATED_TOKENS_S = 11_452.0  # of one replica, PHYSICS B3
# PHYSICS B2, Ma et al.: decode on an H200 draws 137 to 300 W of 700; read here as one request alone and a full batch
DECODE_POWER_FRAC = (0.20, CLASS_POWER_FRAC["decode"])
POOL_QUANTILE, POOL_LOAD, LOST_LOAD = 0.995, 0.80, 0.95  # WORKLOAD 6b
AUTOSCALE_LOAD, AUTOSCALE_FLOOR, AUTOSCALE_HOLD_MIN = 0.60, 0.30, 30

# WORKLOAD 1a: Seren, GPUs per job and cumulative share of jobs (Acme, CC BY 4.0, digitised)
SEREN_GPUS = np.array([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024])
SEREN_JOBS_CUMULATIVE = np.array([0.543, 0.656, 0.681, 0.968, 0.979, 0.988, 0.993, 0.996, 0.997, 0.999, 1.0])

# WORKLOAD 1a: arrivals by hour (PAI, medians, mean 1), WORKLOAD 6a: by day from Monday
PAI_HOUR = np.fromstring(
    """
    1.40 0.96 0.70 0.59 0.72 0.70 0.78 0.95 0.77 0.91 1.40 1.46
    1.00 0.99 1.25 1.31 1.26 1.40 1.05 1.04 1.00 0.88 0.78 0.68
    """,
    sep=" ",
)
PAI_HOUR = PAI_HOUR / PAI_HOUR.mean()
ARRIVAL_DAY = np.array([1.08, 1.12, 1.12, 1.10, 1.05, 0.78, 0.75])
ARRIVAL_SD, ARRIVAL_PHI = 0.35, 0.8

# WORKLOAD 6a: duration laws, (median s, log-sd), probability of the long part by GPUs, and the clip
LONG_JOB_S = (39_000.0, 1.3)
SHORT_JOB_S = (180.0, 2.0)
LONG_PART = ((64, 0.5), (16, 0.3), (1, 0.03))
DURATION_CLIP_S = (10.0, 172_800.0)
LOOK_PAST = 40
OUTCOME_CUMULATIVE = np.array([0.50, 0.58, 1.0])  # done, cancelled, failed

# WORKLOAD 6a: kind of a shared job by its size. Pretraining below 4 % of jobs, evaluation 65-93 % (Acme); shares
# within are guesses
EVAL_SHARE = {"below_8": 0.90, "from_8": 0.50}
EVAL_POWER_FRAC = (0.30, 0.80)  # engineering guess
EVAL_IDLE_SHARE = 0.30  # of the job's time the accelerators are held but idle, engineering guess
START_POWER_FRAC = (0.20, 0.30)  # engineering guess
START_LARGE_S, START_SMALL_S = (600.0, 1800.0), (60.0, 180.0)  # engineering guess
SHARED_CHECKPOINT_S = 3600.0  # measured at one minute on 48 A100 (Emerald), WORKLOAD 1b

# WORKLOAD 1b, WORKLOAD 6a: frontier run
CHECKPOINT_POWER_FRAC, CHECKPOINT_STALL_S = 0.20, 30.0
ASYNC_CHECKPOINT_POWER_FRAC, ASYNC_CHECKPOINT_STALL_S = 0.90, 5.0
RUN_LENGTH_DAYS = (12.0, 0.8)
GAP_HOURS = (4.0, 0.9)
OUTAGE_MIN = (15.0, 0.6)
FAILURES_PER_GPU_DAY = 4.74e-4  # Llama 3 405B, 419 unplanned in 54 days on 16,384
SOFTWARE_FAILURES_PER_DAY = 1.0 / 30.0  # engineering guess
DRAW_SLOW_SD, DRAW_SLOW_TAU_MIN, DRAW_MINUTE_SD = 0.01, 1440.0, 0.004  # engineering guess
DRAW_OFFSET = -0.015  # keeps the drawn share of rated accelerators at or below one, engineering guess

# PHYSICS B5: the two levels of a training step's waveform over the training draw, and their distance, peak to peak
STEP_HIGH_FRAC, STEP_LOW_FRAC = 1.0, 0.35
STEP_SWING_FRAC = STEP_HIGH_FRAC - STEP_LOW_FRAC

# WORKLOAD 3, WORKLOAD 6b: a CPU hall moves between 0.52 and 0.72 of its peak power (Fan 2007); B1 with r = 1.4 and
# idle 0.40 inverts it
CPU_POWER_RANGE = (0.52, 0.72)
CPU_IDLE_FRAC = 0.40
CPU_EXPONENT = 1.4
CPU_LOAD_RANGE = {"conv": (0.45, 1.75), "code": (0.10, 3.20)}  # of the service's mean load, ends of the power range

# WORKLOAD 6b: batch demand
BATCH_MEAN_FRAC, BATCH_DAY_SD, BATCH_DEADLINE_S = 0.5, 1.0, 86_400.0

# own load of each rack beside its pool's: (sd, tau in minutes), engineering guess
SERVING_IMBALANCE = (0.03, 120.0)
CPU_IMBALANCE = (0.10, 360.0)
