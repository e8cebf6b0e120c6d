"""The files and tables of a run."""
