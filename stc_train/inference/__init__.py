"""Prediction, boxes to masks, export."""
