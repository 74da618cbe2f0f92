"""Registers the environment ids where gymnasium is installed, nothing else: the operator's box has none."""

from importlib.util import find_spec

COOLING = (
    "crah_fan_speed_frac",
    "supply_air_temp_setpoint_c",
    "chw_supply_temp_setpoint_c",
    "cw_supply_temp_setpoint_c",
    "fws_supply_temp_setpoint_c",
    "tcs_supply_temp_setpoint_c",
    "tcs_pump_speed_frac",
)
POWER = ("rack_power_limit_frac", "battery_power_kw")

if find_spec("gymnasium") is not None:
    from gymnasium.envs.registration import register, registry

    for _name, _kwargs in (
        ("DataCenter", {}),
        ("Cooling", {"agent_channels": COOLING}),
        ("PowerCap", {"scenario": "ai_hall_power_cap", "agent_channels": POWER}),
    ):
        _id = f"coldaisle/{_name}-v0"
        if _id not in registry:
            register(
                id=_id,
                entry_point="envs.single_env:DataCenterEnv",
                vector_entry_point="envs.vector_env:DataCenterVectorEnv",
                kwargs=dict(_kwargs),
            )
