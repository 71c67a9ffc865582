"""Ways out of the house for a finished message: SMTP, and a memory that tests look into."""
