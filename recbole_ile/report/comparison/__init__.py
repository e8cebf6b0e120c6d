"""The files, figures, tables and pages of a comparison."""
