"""Search for the settings with the best trade-off between accuracy and fairness, with Ray Tune."""
