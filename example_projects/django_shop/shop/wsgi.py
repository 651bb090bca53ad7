"""What a WSGI server runs: ``gunicorn shop.wsgi``."""

from __future__ import annotations

import os

from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")

# So that the stylesheet comes along; in front of a real shop, a web server does this.
application = StaticFilesHandler(get_wsgi_application())
