from posthog import Posthog
import contextlib

@contextlib.contextmanager
def posthog_client(**kwargs):
    """Context manager for automatic client cleanup"""
    client = Posthog(**kwargs)
    try:
        yield client
    finally:
        client.shutdown()

# Usage
with posthog_client(project_api_key='phc_key') as client:
    client.capture('user123', 'event_name')
# Client automatically shuts down when exiting context
