"""A PixVerse API on localhost, so that a DAG can be written and tested without a key or a credit.

It speaks the API over HTTP, renders real MP4 files, keeps a ledger of jobs and credits, runs jobs on a clock
that tests can move and injects faults on order. ``pixverse-emulator serve`` runs it; the pytest fixture
``pixverse_emulator`` runs it inside a test session.

``server`` runs it and ``client`` drives it from outside. Imports run one way, from the top of this list down:

* ``web``: the pages for people.
* ``http``: the routes, and what every request goes through. Faults strike in ``http.fault_injection``, which
  there are is in ``faults``; a repeated trace id gets its first answer in ``http.trace_id``.
* ``account``: the state: jobs, ledger, uploads, masks, clock, settings.
* ``rules``: what PixVerse accepts, and in ``rules.prices`` what it charges.
* ``render``: MP4, speech, pictures.

Nothing in here imports the rest of ``pixverse_provider``: an emulator built on the client's code would
repeat the client's mistakes and so hide them. It needs the extra ``airflow-provider-pixverse[emulator]``.
"""

from __future__ import annotations
