"""Rehearsals: playbooks run in memory by the operations of production, with time skipped."""
