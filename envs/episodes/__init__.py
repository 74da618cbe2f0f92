"""What surrounds the plant while an episode runs: world, plan, bill, instruments."""
