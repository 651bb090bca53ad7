from posthog import Posthog
import time
import threading
from queue import Queue

class MonitoredPostHogClient:
    def __init__(self, **kwargs):
        self.client = Posthog(**kwargs)
        self.metrics = {
            'events_sent': 0,
            'events_failed': 0,
            'flush_count': 0,
            'queue_size': 0
        }

        # Override error handler to track failures
        original_error_handler = kwargs.get('on_error')
        def error_handler(error):
            self.metrics['events_failed'] += 1
            if original_error_handler:
                original_error_handler(error)

        self.client.on_error = error_handler

        # Start monitoring thread
        self.monitoring_thread = threading.Thread(target=self._monitor_performance)
        self.monitoring_thread.daemon = True
        self.monitoring_thread.start()

    def _monitor_performance(self):
        while True:
            # Monitor queue size
            if hasattr(self.client, 'queue'):
                self.metrics['queue_size'] = self.client.queue.qsize()

            # Log metrics every 60 seconds
            print(f"PostHog metrics: {self.metrics}")
            time.sleep(60)

    def capture(self, *args, **kwargs):
        result = self.client.capture(*args, **kwargs)
        if result:
            self.metrics['events_sent'] += 1
        return result

    def flush(self):
        self.client.flush()
        self.metrics['flush_count'] += 1

    def shutdown(self):
        self.client.shutdown()

# Usage
monitored_client = MonitoredPostHogClient(
    project_api_key='phc_your_project_api_key',
    flush_at=100,
    flush_interval=1.0
)

# Track events with monitoring
monitored_client.capture('user123', 'event_name')
