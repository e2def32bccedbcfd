"""Rows to what a person reads: tables, image grids, one Markdown page."""
