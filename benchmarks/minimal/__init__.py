"""How near minimum-norm attacks come, ours and those of four libraries; `tables` begins."""
