"""The routes, one module a subject. Each reads a request, asks a room to its left, and shapes the answer."""
