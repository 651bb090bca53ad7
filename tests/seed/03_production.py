from posthog import Posthog
import logging

# Production-ready configuration
def create_posthog_client():
    return Posthog(
        project_api_key='phc_your_project_api_key',
        host='https://app.posthog.com',

        # Performance settings
        flush_at=200, # Batch size
        flush_interval=2.0, # Flush every 2 seconds
        max_queue_size=50000, # Large queue for high traffic
        gzip=True, # Compression for bandwidth
        max_retries=5, # Retry failed requests
        timeout=30, # Longer timeout for reliability

        # Feature flags
        personal_api_key='phc_your_personal_api_key',
        poll_interval=60, # Check flags every minute
        enable_local_evaluation=True,

        # Error handling
        on_error=lambda error: logging.error(f"PostHog error: {error}"),

        # Privacy and debugging
        disable_geoip=True,
        debug=False,

        # Super properties for all events
        super_properties={
            'app_version': '1.2.3',
            'environment': 'production'
        }
    )

# Initialize client
posthog_client = create_posthog_client()
