"""Everything that knows RecBole."""
