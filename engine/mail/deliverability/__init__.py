"""Whether mail can arrive: what the world can look up about a sender, and what to change."""
