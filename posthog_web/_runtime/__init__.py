"""What the process around us offers: HTTP sessions, its identity, its threads and its end."""
