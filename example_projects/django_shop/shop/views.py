"""The shop's pages, and what they tell PostHog."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from posthog_web.django import HttpRequest
from shop.models import Book, Order
from shop.payment import charge


def shelf(request: HttpRequest) -> HttpResponse:
    """Show all books."""
    return render(request, "shop/shelf.html", {"books": Book.objects.all()})


def book(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one book."""
    book = get_object_or_404(Book, slug=slug)
    request.posthog.capture("book viewed", {"book": book.title, "price": book.price})
    return render(request, "shop/book.html", {"book": book})


@login_required
@require_POST
def buy(request: HttpRequest, slug: str) -> HttpResponse:
    """Sell a book; a card that is declined is the $exception to look at."""
    book = get_object_or_404(Book, slug=slug)
    charge(book.price)
    order = Order.objects.create(buyer=request.user, book=book, total=book.price)
    request.posthog.capture(
        "order paid",
        {"book": book.title, "total": order.total},
        groups={"shop": "corner"},
    )
    return redirect(order)


@login_required
def receipt(request: HttpRequest, pk: int) -> HttpResponse:
    """Show an order to its buyer."""
    order = get_object_or_404(Order, pk=pk, buyer=request.user)
    return render(request, "shop/receipt.html", {"order": order})


class SignIn(LoginView):
    """Django's own, and two events."""

    request: HttpRequest
    template_name = "shop/sign_in.html"

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Sign in; from here on, the request's events are about who has just come in."""
        response = super().form_valid(form)
        self.request.posthog.capture("signed in")
        self.request.posthog.set({"name": form.get_user().get_full_name()})
        return response
