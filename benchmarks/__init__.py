"""What things cost, beside what they cost elsewhere, measured in one run."""
