"""Thin durable drivers. They see neither plan nor store, and call activities by name."""
