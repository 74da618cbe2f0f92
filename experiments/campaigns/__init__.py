"""Campaigns: a plan cut into shards, run anywhere, each whole or not at all, and merged."""
