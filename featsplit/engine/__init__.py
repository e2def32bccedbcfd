"""How a study is carried out: its settings from TOML, its jobs in the order of their needs, its rows kept and reused.

Nothing here knows a study.
"""
