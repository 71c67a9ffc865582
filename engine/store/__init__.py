"""The store: tables, one repository an aggregate, and the gate that every write passes."""
