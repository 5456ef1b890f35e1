"""Detections to tracks: the tracker, the file formats and the evaluation. Needs no torch."""
