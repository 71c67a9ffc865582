"""What workflows have done for them: the actions that playbooks name, and their plumbing."""
