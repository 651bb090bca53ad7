from posthog import Posthog
import threading
import queue

# Single client shared across threads
shared_client = Posthog(project_api_key='phc_your_project_api_key')

def worker_thread(thread_id, event_queue):
    while True:
        try:
            event_data = event_queue.get(timeout=1)
            shared_client.capture(
                event_data['user_id'],
                event_data['event_name'],
                event_data['properties']
            )
            event_queue.task_done()
        except queue.Empty:
            break

# Start multiple worker threads
event_queue = queue.Queue()
threads = []

for i in range(5):
    t = threading.Thread(target=worker_thread, args=(i, event_queue))
    t.start()
    threads.append(t)

# Add events to queue
for i in range(100):
    event_queue.put({
        'user_id': f'user_{i}',
        'event_name': 'thread_event',
        'properties': {'thread_id': i % 5}
    })

# Wait for completion
event_queue.join()

# Shutdown client
shared_client.shutdown()
