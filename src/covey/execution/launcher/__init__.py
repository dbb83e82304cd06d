"""The small program that stands between Covey and the untrusted one.

Covey starts it with its own interpreter (``-I -S``), once for each sandboxed program. It applies what must be applied
before the program begins, watches it, ends everything it started, cleans up, and reports. It lives in a process of its
own so that cleaning up does not depend on Covey being alive: when Covey dies, a pipe closes, and the supervisor ends
the sandbox.

It imports only built-in modules and ``ctypes``: each further import costs milliseconds in every execution.
"""
