"""Who may sign in."""

from __future__ import annotations

from dataclasses import dataclass

from flask_login import LoginManager, UserMixin
from werkzeug.security import check_password_hash, generate_password_hash

sign_ins = LoginManager()
sign_ins.login_view = "notes.sign_in"
sign_ins.login_message = ""


@dataclass(frozen=True)
class Person(UserMixin):
    """Somebody with a notebook; ``id`` is what PostHog knows them by."""

    id: str
    name: str
    password_hash: str


PEOPLE = {
    "grace": Person("grace", "Grace Hopper", generate_password_hash("hopper")),
    "katherine": Person("katherine", "Katherine Johnson", generate_password_hash("johnson")),
}


@sign_ins.user_loader
def load_person(person_id: str) -> Person | None:
    """Return who this is, for Flask-Login."""
    return PEOPLE.get(person_id)


def find_person(person_id: str, password: str) -> Person | None:
    """Return who this is, if the password is theirs."""
    person = PEOPLE.get(person_id)
    if person is None or not check_password_hash(person.password_hash, password):
        return None
    return person
