"""Registers the environment ids where gymnasium is installed, nothing else: the operator's box has none."""

from importlib.util import find_spec

from envs.interface.channels import channels_of_kind

if find_spec("gymnasium") is not None:
    from gymnasium.envs.registration import register, registry

    for _name, _kwargs in (
        ("DataCenter-v1", {}),
        ("Cooling-v1", {"agent_channels": channels_of_kind("cooling")}),
        ("PowerCap-v1", {"scenario": "ai_hall_power_cap", "agent_channels": channels_of_kind("cap", "storage")}),
        ("Hall-v0", {"scenario": "ai_factory", "agent_channels": channels_of_kind("cooling", "jobs")}),
    ):
        _id = f"coldaisle/{_name}"
        if _id not in registry:
            register(
                id=_id,
                entry_point="envs.single_env:DataCenterEnv",
                vector_entry_point="envs.vector_env:DataCenterVectorEnv",
                kwargs=dict(_kwargs),
            )
    if "coldaisle/HallPlacement-v0" not in registry:
        register(id="coldaisle/HallPlacement-v0", entry_point="envs.placement_env:HallPlacementEnv")
