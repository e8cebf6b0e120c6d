"""Methods side by side: which trainings they need, and what can be said about their differences."""
