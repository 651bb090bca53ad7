"""What the adapters share: requests, identity and scopes, without any framework."""
