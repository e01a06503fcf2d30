"""From finding to response: queues and topics, EventBridge rules, and custom actions in the delegated account's home Region."""
