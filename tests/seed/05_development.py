from posthog import Posthog
import os

def create_development_client():
    # Different config for development
    is_development = os.getenv('ENVIRONMENT') == 'development'
    is_testing = os.getenv('ENVIRONMENT') == 'testing'

    return Posthog(
        project_api_key=os.getenv('POSTHOG_API_KEY', 'phc_test_key'),
        host=os.getenv('POSTHOG_HOST', 'https://app.posthog.com'),

        # Development settings
        debug=is_development,
        send=not is_testing, # Don't send events during tests
        disabled=is_testing, # Disable completely during tests
        sync_mode=is_testing, # Synchronous for testing

        # Faster flushing for development
        flush_at=10 if is_development else 100,
        flush_interval=0.1 if is_development else 0.5,

        # Development error handling
        on_error=lambda error: print(f"PostHog error: {error}") if is_development else None
    )

client = create_development_client()
