"""Who: regions, organs, people, posts and accounts, sign-in, and what each may see and do.

Not here: what happened (`gongzhi.audit`), and which organ plays which role in a scene (`gongzhi.scenes`).
The rooms above (cases, scenes, messaging) and the edges import from here; this room knows only the store.
"""
