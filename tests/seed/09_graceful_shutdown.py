from posthog import Posthog
import signal
import sys
import atexit

client = Posthog(project_api_key='phc_your_project_api_key')

def shutdown_handler(signum=None, frame=None):
    """Graceful shutdown handler"""
    print("Shutting down PostHog client...")
    client.shutdown()
    sys.exit(0)

# Register shutdown handlers
signal.signal(signal.SIGINT, shutdown_handler) # Ctrl+C
signal.signal(signal.SIGTERM, shutdown_handler) # Termination signal
atexit.register(client.shutdown) # Process exit

# Application code
def main():
    client.capture('app', 'started')

    # Application logic...

    # Events are automatically flushed on shutdown

if __name__ == '__main__':
    main()
