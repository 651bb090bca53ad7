"""One small application for each framework, set up the way the README says."""
