"""What a search found out about the settings that it varied."""
