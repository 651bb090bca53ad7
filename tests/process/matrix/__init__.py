"""The exit matrix: every framework under every server, stopped in every way it knows."""
