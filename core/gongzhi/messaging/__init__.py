"""Who is told: letters with their evidence, notices, the outbox and the worker that drains it.

Not here: what a letter says (its scene's documents) and who must get it (the scene's workflow).
"""
