"""Measurements of the tracker."""
