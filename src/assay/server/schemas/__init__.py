"""What goes over the wire: the bodies of requests and answers, and so the OpenAPI document; one module a subject.

In: JSON. Out: typed bodies. Does not know: projects, how anything is computed.
"""
