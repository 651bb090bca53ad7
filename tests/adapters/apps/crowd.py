"""The WSGI applications, for requests that wait until as many as MEETING says are there."""

from __future__ import annotations

import os
import threading

from tests.adapters.apps.application import PATIENCE
from tests.adapters.apps.django_app import wsgi as django_app
from tests.adapters.apps.flask_app import wsgi as flask_app
from tests.adapters.apps.views import STAGE

STAGE.meet = threading.Barrier(int(os.environ["MEETING"]), timeout=PATIENCE).wait

__all__ = ["django_app", "flask_app"]  # Named as the modules they are in.
