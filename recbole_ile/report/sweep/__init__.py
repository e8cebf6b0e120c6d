"""The files, figures and pages of a sweep."""
