"""The documentation: written pages, generated references, decision records."""
