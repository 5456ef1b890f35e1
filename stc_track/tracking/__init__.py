"""Association of detections over time (III-C)."""
