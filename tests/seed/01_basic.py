import posthog

# Global configuration (simplest approach)
posthog.api_key = 'phc_your_project_api_key'
posthog.host = 'https://app.posthog.com' # or your self-hosted instance

# Use module-level functions
posthog.capture('user123', 'event_name')
posthog.set('user123', {'property': 'value'})

# Shutdown when application exits
import atexit
atexit.register(posthog.shutdown)
