"""HTTP: the API, the doors that mails lead to, and the pages. It holds no decision and no SQL."""
