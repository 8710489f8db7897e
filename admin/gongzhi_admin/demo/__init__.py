"""The demo: Zhejiang's organs, people and accounts on an empty store, and the story played over HTTP.

All names of people are invented; every organ's credit code is synthetic. The story is a client of the public API and
knows nothing of the host it talks to.
"""
