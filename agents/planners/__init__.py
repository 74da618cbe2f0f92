"""Search and planning: what rules, constants and plans can reach with a stated budget."""
