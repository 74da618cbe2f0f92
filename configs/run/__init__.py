"""Primary configs and groups of the command line (hydra); scenarios are registered as typed nodes instead."""
