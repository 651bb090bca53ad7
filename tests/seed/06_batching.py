from posthog import Posthog

# High-throughput application
high_volume_client = Posthog(
    project_api_key='phc_your_project_api_key',

    # Large batches for efficiency
    flush_at=500,
    flush_interval=5.0,
    max_queue_size=100000,

    # Multiple threads for processing
    thread=3,

    # Compression and timeouts
    gzip=True,
    timeout=60,
    max_retries=10
)

# Low-latency application
low_latency_client = Posthog(
    project_api_key='phc_your_project_api_key',

    # Small batches for low latency
    flush_at=10,
    flush_interval=0.1,

    # Synchronous mode for immediate sending
    sync_mode=True,
    timeout=5
)

# Offline-first application
offline_client = Posthog(
    project_api_key='phc_your_project_api_key',

    # Large queue for offline operation
    max_queue_size=1000000,
    flush_at=1000,
    flush_interval=30.0,

    # Aggressive retries
    max_retries=20,
    timeout=120
)
