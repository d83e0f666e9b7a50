"""What tables, databases and other fields add to an event."""
