"""Tables III to X of the paper, trained and measured row by row: `python -m pipelines.paper --table IV`."""
