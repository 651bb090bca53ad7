from posthog import Posthog

class MultiTenantPostHog:
    def __init__(self):
        self.clients = {}

    def get_client(self, tenant_id: str) -> Posthog:
        if tenant_id not in self.clients:
            # Create client for new tenant
            self.clients[tenant_id] = Posthog(
                project_api_key=f'phc_tenant_{tenant_id}_key',
                host='https://app.posthog.com',
                flush_at=100,
                flush_interval=1.0,
                super_properties={
                    'tenant_id': tenant_id,
                    'app_name': 'multi-tenant-app'
                }
            )
        return self.clients[tenant_id]

    def shutdown_all(self):
        for client in self.clients.values():
            client.shutdown()

# Usage
multi_posthog = MultiTenantPostHog()

# Track events for different tenants
tenant_a_client = multi_posthog.get_client('tenant_a')
tenant_a_client.capture('user123', 'event_name')

tenant_b_client = multi_posthog.get_client('tenant_b')
tenant_b_client.capture('user456', 'event_name')

# Shutdown all clients
multi_posthog.shutdown_all()
