import os
from posthog import Posthog

def create_client_for_environment():
    env = os.getenv('ENVIRONMENT', 'development')

    base_config = {
        'project_api_key': os.getenv('POSTHOG_API_KEY'),
        'host': os.getenv('POSTHOG_HOST', 'https://app.posthog.com'),
    }

    if env == 'production':
        return Posthog(
            **base_config,
            debug=False,
            send=True,
            flush_at=200,
            flush_interval=2.0,
            max_queue_size=50000,
            gzip=True,
            max_retries=5,
            enable_exception_autocapture=False # Disable for production
        )

    elif env == 'staging':
        return Posthog(
            **base_config,
            debug=True,
            send=True,
            flush_at=50,
            flush_interval=1.0,
            enable_exception_autocapture=True
        )

    elif env == 'development':
        return Posthog(
            **base_config,
            debug=True,
            send=True,
            flush_at=10,
            flush_interval=0.5,
            sync_mode=True # Immediate sending for development
        )

    else: # testing
        return Posthog(
            **base_config,
            disabled=True, # No events sent during tests
            sync_mode=True
        )

client = create_client_for_environment()
