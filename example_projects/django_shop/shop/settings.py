"""The shop's settings. What belongs to PostHog stands at the top; the rest is plain Django."""

from __future__ import annotations

import os
from pathlib import Path

HERE = Path(__file__).resolve().parent

POSTHOG = {
    "PROJECT_API_KEY": os.environ.get("POSTHOG_PROJECT_API_KEY", "phc_demo"),
    # The inspector's address: `python -m posthog_web inspector`.
    "HOST": os.environ.get("POSTHOG_HOST", "http://127.0.0.1:8765"),
    "SUPER_PROPERTIES": {"app": "django_shop"},
}

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "posthog_web.django",
    "shop",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "posthog_web.django.PosthogMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.contrib.auth.context_processors.auth",
                "shop.context.inspector",
            ],
        },
    },
]

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("SHOP_DATABASE", HERE.parent / "shop.sqlite3"),
    },
}

SECRET_KEY = os.environ.get("SHOP_SECRET_KEY", "good enough for a desk")
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
ROOT_URLCONF = "shop.urls"
STATIC_URL = "static/"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LOGIN_URL = "sign in"
LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "shelf"
