"""Training as RecBole does it, with parts of ours: behaviours, several processes, ensembles."""
