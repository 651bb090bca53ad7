"""Exceptions as PostHog's error tracking takes them."""
