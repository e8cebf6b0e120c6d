"""The configuration: RecBole's with our defaults, and what each option may be."""
