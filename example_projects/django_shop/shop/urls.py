"""Where the pages are."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import path

from shop import views

urlpatterns = [
    path("", views.shelf, name="shelf"),
    path("books/<slug:slug>/", views.book, name="book"),
    path("books/<slug:slug>/buy/", views.buy, name="buy"),
    path("orders/<int:pk>/", views.receipt, name="receipt"),
    path("sign-in/", views.SignIn.as_view(), name="sign in"),
    path("sign-out/", LogoutView.as_view(), name="sign out"),
]
