"""A data set as a run sees it: what is in it, and its split as files."""
