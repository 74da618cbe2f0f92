"""What a run leaves behind: tracking and provenance."""
