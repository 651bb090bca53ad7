"""The command ``manage.py seed``."""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.core.management import BaseCommand, call_command

from shop.models import Book

# Username, password, first and last name.
PEOPLE = (
    ("ada", "lovelace", "Ada", "Lovelace"),
    ("grace", "hopper", "Grace", "Hopper"),
)

BOOKS = (
    {
        "slug": "the-waves",
        "title": "The Waves",
        "author": "Virginia Woolf",
        "price": "9.80",
        "hue": 225,
        "about": "Six voices and the sea. Nothing happens, and it is all there.",
    },
    {
        "slug": "invisible-cities",
        "title": "Invisible Cities",
        "author": "Italo Calvino",
        "price": "10.50",
        "hue": 45,
        "about": "A traveller tells an emperor of cities that may all be the same one.",
    },
    {
        "slug": "the-periodic-table",
        "title": "The Periodic Table",
        "author": "Primo Levi",
        "price": "11.20",
        "hue": 285,
        "about": "A chemist's life in twenty-one elements.",
    },
    {
        "slug": "the-left-hand-of-darkness",
        "title": "The Left Hand of Darkness",
        "author": "Ursula K. Le Guin",
        "price": "12.90",
        "hue": 195,
        "about": "An envoy crosses a frozen world with the one person who believes him.",
    },
    {
        "slug": "middlemarch",
        "title": "Middlemarch",
        "author": "George Eliot",
        "price": "14.00",
        "hue": 145,
        "about": "A town, its marriages and its hopes, seen with great patience.",
    },
    {
        "slug": "the-summer-book",
        "title": "The Summer Book",
        "author": "Tove Jansson",
        "price": "14.50",
        "hue": 85,
        "about": "A girl, her grandmother, and an island that one can walk around in minutes.",
    },
    {
        "slug": "kindred",
        "title": "Kindred",
        "author": "Octavia E. Butler",
        "price": "15.40",
        "hue": 345,
        "about": "She is called back, again and again, to save a man who must live.",
    },
    {
        "slug": "first-folio",
        "title": "The First Folio",
        "author": "William Shakespeare",
        "price": "2469000.00",
        "hue": 25,
        "about": "London, 1623; some wear to the spine. Beyond the limit of most cards.",
    },
)


class Command(BaseCommand):
    """Fills an empty shop; doing it twice changes nothing."""

    help = "Make the tables, put books on the shelf and let two people in."

    def handle(self, **_options: object) -> None:
        """Do it."""
        call_command("migrate", verbosity=0)
        for values in BOOKS:
            Book.objects.update_or_create(slug=values["slug"], defaults=values)
        users = get_user_model().objects
        for username, password, first_name, last_name in PEOPLE:
            if not users.filter(username=username).exists():
                users.create_user(
                    username, password=password, first_name=first_name, last_name=last_name
                )
        self.stdout.write(f"{len(BOOKS)} books; sign in as ada / lovelace or grace / hopper.")
