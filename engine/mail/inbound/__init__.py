"""What comes back: bounces, complaints and replies, from bytes or a provider's report to one value.

Nothing here knows the store or the network, nothing trusts what it reads, and nothing raises for
what a stranger wrote.
"""
