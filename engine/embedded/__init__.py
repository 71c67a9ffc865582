"""The servers that `longplay up` brings along on one machine, and their supervision."""
