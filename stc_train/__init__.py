"""Store to segmenter: the MMDetection trainer and predictor, and the puzzle loss."""
