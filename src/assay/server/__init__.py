"""The web server: the review app's routes, its door, its jobs; and the page itself.

In: HTTP. Out: HTTP. The rooms to the left do the work.
"""
