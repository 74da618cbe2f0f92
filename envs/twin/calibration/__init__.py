"""From the telemetry of a hall to the parameters of its scenario, with residuals, intervals and a spread."""
