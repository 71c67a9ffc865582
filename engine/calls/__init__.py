"""Calls over HTTP to addresses of other people: guarded, bounded, signed. It knows no store."""
