from posthog import Posthog
import hashlib

def anonymize_sensitive_data(event):
    """Preprocessing function to anonymize sensitive data"""

    # Hash email addresses
    if 'properties' in event and 'email' in event['properties']:
        email = event['properties']['email']
        event['properties']['email_hash'] = hashlib.sha256(email.encode()).hexdigest()
        del event['properties']['email']

    # Remove PII fields
    sensitive_fields = ['ssn', 'credit_card', 'password']
    if 'properties' in event:
        for field in sensitive_fields:
            event['properties'].pop(field, None)

    # Add processing metadata
    event['properties']['_processed'] = True

    return event

client = Posthog(
    project_api_key='phc_your_project_api_key',
    before_send=anonymize_sensitive_data
)

# Events are automatically preprocessed
client.capture('user123', 'sensitive_event', {
    'email': 'user@example.com', # Will be hashed
    'amount': 100
})
