"""Calibration: what the verb `calibrate` shows and stores."""
