"""One paid job of one task: who it belongs to, what is known of it, who pays for it, and when it is polled.

Nothing in here knows an operator, a trigger or a connection.
"""

from __future__ import annotations
