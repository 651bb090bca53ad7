"""From accepted event to answered request: buffer, workers, transport, retries, accounting."""
