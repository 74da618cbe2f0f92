"""The plant made to follow a real hall: telemetry, calibration, estimation."""
