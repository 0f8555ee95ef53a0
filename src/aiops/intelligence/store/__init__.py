"""What intelligence keeps, in its own schema."""
