"""What decides a set, a network or a number, as frozen records: each default, help text and range stands here, once.

No module here imports torch, so the help of every command answers at once. Who carries a record out imports it from
here: `training` a Recipe, `synthesis` Match and Perturb, `descent` the step rules.
"""
