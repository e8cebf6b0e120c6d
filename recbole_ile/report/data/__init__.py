"""Tables, figures and files that describe a data set."""
