"""The language: text in; a plan or diagnostics out. Pure: no files, no clock, no database."""
