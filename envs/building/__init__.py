"""The building's own control, assembled for a scenario."""
