"""What is measured, a module each. A measure takes a running contender and says what it found."""
