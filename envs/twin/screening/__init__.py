"""What is wrong with a telemetry file, found and said before anything is fitted."""
