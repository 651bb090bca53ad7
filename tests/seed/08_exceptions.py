from posthog import Posthog
import logging

# Set up logging
logging.basicConfig(level=logging.INFO)
logger = logging.getLogger(__name__)

def error_handler(error):
    """Custom error handler for PostHog errors"""
    logger.error(f"PostHog error: {error}")

    # Send to monitoring service
    # monitoring.capture_exception(error)

    # Optionally disable client on repeated errors
    # if isinstance(error, ConnectionError):
    # client.disabled = True

client = Posthog(
    project_api_key='phc_your_project_api_key',
    on_error=error_handler,

    # Exception auto-capture for debugging
    enable_exception_autocapture=True,
    log_captured_exceptions=True,
    project_root='/app'
)

# Test error handling
try:
    risky_operation()
except Exception as e:
    # Exception is automatically captured if enable_exception_autocapture=True
    # Or capture manually:
    client.capture_exception(e)
