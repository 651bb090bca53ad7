"""Books, and who has bought them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.urls import reverse


class Book(models.Model):
    """Something to sell."""

    slug = models.SlugField(unique=True)
    title = models.CharField(max_length=100)
    author = models.CharField(max_length=100)
    about = models.TextField()
    price = models.DecimalField(max_digits=10, decimal_places=2)
    hue = models.PositiveSmallIntegerField(help_text="The colour of its cover, 0 to 360.")

    class Meta:
        """The cheapest stands in front."""

        ordering = ("price",)

    def __str__(self) -> str:
        """Return its title."""
        return self.title

    def get_absolute_url(self) -> str:
        """Return the address of its page."""
        return reverse("book", args=[self.slug])


class Order(models.Model):
    """A book that somebody has paid."""

    buyer = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="orders")
    book = models.ForeignKey(Book, models.PROTECT, related_name="orders")
    total = models.DecimalField(max_digits=10, decimal_places=2)
    paid_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        """Return who bought what."""
        return f"{self.book} for {self.buyer}"

    def get_absolute_url(self) -> str:
        """Return the address of its receipt."""
        return reverse("receipt", args=[self.pk])
