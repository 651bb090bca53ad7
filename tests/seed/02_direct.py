from posthog import Posthog

# Create client instance with custom configuration
client = Posthog(
    project_api_key='phc_your_project_api_key',
    host='https://app.posthog.com',
    debug=False,
    flush_at=50,
    flush_interval=1.0,
    max_retries=5,
    timeout=30
)

# Use client instance methods
client.capture('user123', 'event_name')
client.set('user123', {'property': 'value'})

# Shutdown client when done
client.shutdown()
