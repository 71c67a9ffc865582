"""The command line's commands, one module a group: parse, one call, render. No logic, no SQL."""
