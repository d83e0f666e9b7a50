"""What was thrown: type, message and trace of errors in seven languages."""
