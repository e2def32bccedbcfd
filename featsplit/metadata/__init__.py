"""What a file says of itself: derived sets and checkpoints, as frozen records, read and written in one place.

No module here imports torch, so `featsplit info` answers at once.
"""
