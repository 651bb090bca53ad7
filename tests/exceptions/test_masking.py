"""What is hidden in texts and in lines of code, and what is left to be read."""

from __future__ import annotations

from time import thread_time

import pytest

from posthog_web._exceptions import tokens
from posthog_web._exceptions.masking import mask_source, mask_text
from posthog_web._exceptions.redaction import REDACTED

# A text with a secret, and what must still be there.
TEXTS = [
    ("could not connect to postgres://bob:hunter2@db:5432/shop", "@db:5432/shop"),
    ("amqp://bob:hunter2/with@odd@signs@queue:5672/ is down", "@queue:5672/ is down"),
    ("https://hunter2@github.com/shop.git not found", "@github.com/shop.git not found"),
    ("redis://:hunter2@cache:6379/0 refused", "@cache:6379/0 refused"),
    ("host=db user=bob password=hunter2 dbname=shop", "host=db user=bob password="),
    ("Server=db;User Id=bob;Password=hunter2;Database=shop", ";Database=shop"),
    ("401 for Authorization: Bearer hunter2", "401 for Authorization: "),
    ("sent Bearer hunter2 to /orders", " to /orders"),
    ("sent Basic Ym9iOmh1bnRlcjI= to /orders", " to /orders"),
    ("Cookie: theme=dark; sessionid=hunter2; a=hunter2\nHost: shop", "\nHost: shop"),
    ("('x-api-key', 'hunter2') was refused", " was refused"),
    ("[(b'authorization', b'hunter2'), (b'host', b'shop')]", "(b'host', b'shop')]"),
    ('{"user": "bob", "password": "hunter2", "size": 3}', '"user": "bob"'),
    ('{"user": "bob", "password": "hunter2", "size": 3}', '"size": 3'),
    (r"{\"password\": \"hunter2\", \"size\": 3}", r"\"size\": 3"),
    ('{"password": "a\\"hunter2", "size": 3}', '"size": 3'),
    ("<QueryDict: {'password': ['hunter2'], 'user': ['bob']}>", "'user': ['bob']"),
    ("Login(user='bob', api_key='hunter2', size=3)", "size=3)"),
    ("GET /reset?token=hunter2&page=2", "&page=2"),
    ("GET /blob?se=1&sig=hunter2&page=2", "&page=2"),
    ("next=%2Freset%3Ftoken%3Dhunter2&page=2", "&page=2"),
    ("Command '['mysql', '--password', 'hunter2', '-h', 'db']' failed", "'-h', 'db']' failed"),
    ("mysql --password hunter2 -h db", " -h db"),
    ("mysql --password=hunter2 -h db", " -h db"),
    ("<input name='csrfmiddlewaretoken' value='hunter2'> in form", "> in form"),
    ("<soap><password>hunter2</password></soap>", "</password></soap>"),
    ("Invalid password 'hunter2' for bob", " for bob"),
    ("DETAIL: Key (reset_token)=(hunter2) already exists.", " already exists."),
    ("auth=('bob', 'hunter2') for /orders", " for /orders"),
    ("DJANGO_SECRET_KEY=hunter2 make", " make"),
    (
        "bad key -----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY----- here",
        " here",
    ),
    ("bad key -----BEGIN PRIVATE KEY-----\nhunter2", "bad key "),
    (
        (
            "1 validation error for Login\npassword\n  String should have at least 8 characters"
            " [type=string_too_short, input_value='hunter2', input_type=str]"
        ),
        "String should have at least 8 characters [type=string_too_short, input_value=",
    ),
    (
        (
            "2 errors\nuser.pass\n  Bad [type=a, input_value='hun, ter2', input_type=s]\n"
            "user.age\n  Bad [type=b, input_value='forty', input_type=str]"
        ),
        "user.age\n  Bad [type=b, input_value='forty', input_type=str]",
    ),
    (
        "1 validation error\nuser\n  Bad [a, input_value={'passw...: 'hunter2'}, input_type=x]",
        "user\n  Bad [a, input_value=",
    ),
    (
        (
            "(sqlite3.IntegrityError) failed\n[SQL: INSERT INTO users VALUES (?, ?)]\n"
            "[parameters: ('bob]', 'hunter2')]\n(Background on this error)"
        ),
        "[SQL: INSERT INTO users VALUES (?, ?)]\n[parameters: ",
    ),
    ("[parameters: ('bob', 'hunter2')]\n(Background on this)", "]\n(Background on this)"),
    ("cannot connect to bob:hunter2@db.internal:5432/app", "to $@db.internal:5432/app"),
    ("dsn tcp(bob:hunter2@db)/x", "@db)/x"),
    ("user:hunter2@db:5432/app is down", "@db:5432/app is down"),
    ('password: """hunter2""" for bob', " for bob"),
    ("authorization: ApiKey hunter2 was refused", " was refused"),
    ('Authorization: Digest username="bob", response="hunter2"\nHost: shop', "\nHost: shop"),
    ('sent Digest uri="/a", response="hunter2", qop=auth', 'uri="/a", response="$", qop=auth'),
    ("PASSWORD=<hunter2> for bob", " for bob"),
    ("login(user='bob', pw='hunter2', size=3)", "login(user='bob', pw=$, size=3)"),
    ("<input name=password value=hunter2> in form", "> in form"),
    ("name=password value=hunter2 size=3", "name=password value=$ size=3"),
    ('{"password": {"a": {"b": 1}, "c": "}hunter2"}, "size": 3}', '{"password": $, "size": 3}'),
    ("{'tokens': [['a', 'hunter2'], ('b',)], 'size': 3}", "{'tokens': $, 'size': 3}"),
    ("password is 'hunter2' for bob", " for bob"),
    ("passphrase -> hunter2 for bob", " for bob"),
    ("next=%252Freset%253Ftoken%253Dhunter2&page=2", "&page=2"),
    ("Command '['curl', '-u', 'bob:hunter2', 'https://shop']' failed", "'https://shop']' failed"),
    ("curl --user bob:hunter2 https://shop", " https://shop"),
    (
        (
            "1 validation error:\n  {'type': 'int_parsing', 'loc': ('response', 'password'), 'msg':"
            " 'Not an integer', 'input': 'hunter2', 'ctx': {'error': 'e'}}\n\n  File"
        ),
        "'input': $, 'ctx': {'error': 'e'}}\n\n  File",
    ),
    (
        (
            '422: {"detail":[{"type":"too_short","loc":["body","auth",0],"msg":"Too short",'
            '"input":["hunter2"]},{"type":"missing","loc":["body","age"],"msg":"Required"}]}'
        ),
        '"input":$},{"type":"missing","loc":["body","age"],"msg":"Required"}]}',
    ),
    ("{'name': 'DB_PASSWORD', 'value': 'hunter2'}", "{'name': 'DB_PASSWORD', 'value': $}"),
    ('[{"key": "Token", "newValue": ["hunter2"]}]', '[{"key": "Token", "newValue": $}]'),
    ("GET /login?user%5Bpassword%5D=hunter2&page=2", "&page=2"),
    ("GET /login?json=%7B%22password%22%3A%22hunter2%22%7D&page=2", "&page=2"),
    ("assert password == 'hunter2' or fail", "assert password == $ or fail"),
    ("bad filter: token != 'hunter2' and a", "bad filter: token != $ and a"),
    ("near 'WHERE `token` = 'hunter2' LIMIT 1'", " LIMIT 1'"),
    ('<w:Password Type="w#Text">hunter2</w:Password>', '<w:Password Type="w#Text">$</w:Password>'),
    ("{&quot;password&quot;: &quot;hunter2&quot;, &quot;size&quot;: 3}", "&quot;size&quot;: 3}"),
    ("&lt;password&gt;hunter2&lt;/password&gt;", "&lt;/password&gt;"),
]

# Nothing is hidden in these: they speak of secrets, or look like something else.
HARMLESS = [
    "No book with id 17 exists in this shop",
    "Invalid password for bob",
    "password authentication failed for user",
    "Bearer token missing",
    "Basic authentication failed",
    "unexpected token 'x' in line 3",
    "KeyError: 'token'",
    "password: None",
    "token=''",
    "the following arguments are required: --password, --user",
    "see https://shop.example.org:8080/a?mail=bob@example.org",
    "author: Bob, authority: city, compass: north",
    "/usr/lib/python3.11/site-packages/Django-5/django/db/models.py",
    "write to mailto:bob@example.org or email:bob@example.org",
    "image python:3.12@sha256:4ab02389 not found",
    "12:30@noon, git@github.com:bob/shop.git, @bob:matrix.org",
    "age\n  Bad [type=a, input_value='forty', input_type=str]",
    "docker run -u 1000:1000 shop; sort -u a b",
    "response='ok' to /orders",
    "{'type': 'int', 'loc': ('body', 'age'), 'msg': 'Not a number', 'input': 'forty'}",
    "{'name': 'password', 'code': 'too_short'}",
    '<form class="auth" id="login">',
]

KEYS = [
    "AKIAIOSFODNN7EXAMPLE",
    "ghp_" + "a1B2" * 9,
    "github_pat_" + "a1B2" * 8,
    "glpat-" + "a1B2" * 5,
    "sk" + "_live_" + "a1B2c3D4",
    "rk" + "_test_" + "a1B2c3D4",
    "whsec_" + "a1B2c3D4",
    "xox" + "b-1234-5678-abcd",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "AIza" + "a1B2c" * 7,
    "sk-proj-" + "a1B2" * 6,
    "SG." + "a1B2" * 5 + "." + "c3D4" * 5,
    "npm_" + "a1B2" * 9,
    "pypi-" + "a1B2" * 9,
    "hf_" + "a1B2" * 8,
    "phx_" + "a1B2" * 8,
    "hvs." + "a1B2" * 6,
    "pbkdf2_sha256$870000$salt" + "$" + "a1B2" * 8,
    "$2b$12$" + "a1B2" * 12,
]


@pytest.mark.parametrize(("text", "kept"), TEXTS)
def test_secrets_in_messages_are_hidden(text: str, kept: str) -> None:
    """What a message says beside a secret stays; the secret does not."""
    masked = mask_text(text)

    assert "hunter2" not in masked
    assert "Ym9i" not in masked
    assert REDACTED in masked
    assert kept.replace("$", REDACTED) in masked


@pytest.mark.parametrize("text", HARMLESS)
def test_messages_without_secrets_stay_as_they_are(text: str) -> None:
    """A message that only speaks of passwords is read as it was written."""
    assert mask_text(text) == text


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key[:6])
def test_keys_of_well_known_formats_are_hidden_anywhere(key: str) -> None:
    """A key is hidden within a sentence, a list, or glued to an equals sign."""
    for text in (f"used {key} today", f"['{key}', 1] today", f"x={key} today"):
        assert key not in mask_text(text)
        assert "today" in mask_text(text)


def test_no_secret_is_cut_in_two() -> None:
    """A secret that stands where a long message ends does not escape by losing its own end."""
    for secret in ("postgres://bob:hunter2@db/shop", "password=hunter2", KEYS[0], KEYS[8]):
        for place in range(440, 510):
            masked = mask_text(f"{'x ' * 400}"[:place] + f" {secret} " + "y " * 3_000, 500)

            assert len(masked) == 500
            assert not any(start in masked for start in ("hunt", "AKIAI", "eyJhb"))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('SECRET_KEY = "hunter2"  # change', 'SECRET_KEY = "$"  # change'),
        ("SECRET_KEY: str = 'hunter2'", 'SECRET_KEY: str = "$"'),
        ('settings["api_key"] = "hunter2"', 'settings["api_key"] = "$"'),
        (
            'login = {"password": "hunter2", "user": "bob"}',
            'login = {"password": "$", "user": "bob"}',
        ),
        ('client = Client(token="hunter2")', 'client = Client(token="$")'),
        ('if password == "hunter2":', 'if password == "$":'),
        ('url = "postgres://bob:hunter2@db/shop"', 'url = "postgres://$@db/shop"'),
        ('url = "bob:hunter2@db/shop"', 'url = "$@db/shop"'),
        ('get("https://x/?sig=hunter2&a=1")', 'get("https://x/?sig=$&a=1")'),
        ("K = os.getenv('SECRET_KEY', 'hunter2')", "K = os.getenv('SECRET_KEY', \"$\")"),
        ("K = config('SECRET_KEY', default='hunter2')", "K = config('SECRET_KEY', default=\"$\")"),
        ('token = d.get("a", "hunter2")', 'token = d.get("a", "$")'),
        ('user.setdefault("password", "hunter2")', 'user.setdefault("password", "$")'),
        ('setattr(user, "password", "hunter2")', 'setattr(user, "password", "$")'),
        ('PASSWORDS = ["hunter2", "hunter3"]', 'PASSWORDS = ["$", "$"]'),
        ('password = ("hunter2"\n    "hunter3")', 'password = ("$"\n    "$")'),
        ('AUTH = ("bob", "hunter2")', 'AUTH = ("$", "$")'),
        ('AUTH = "bob", "hunter2"', 'AUTH = "$", "$"'),
        ('tokens = {"a": "hunter2", "b": 1}', 'tokens = {"a": "$", "b": 1}'),
        ('TOKEN = b"hunter2" b"hunter3"', 'TOKEN = "$" "$"'),
        (
            '{"Authorization": "Token " + "hunter2", "a": "b"}',
            '{"Authorization": "$" + "$", "a": "b"}',
        ),
        ('login(user="bob", pw="hunter2", at="shop")', 'login(user="bob", pw="$", at="shop")'),
        ('if a == "b" or "hunter2" == password:', 'if a == "b" or "$" == password:'),
        ('if "hunter2" != user.password or a == "b":', 'if "$" != user.password or a == "b":'),
        ('if password == "hunter2" or a == "b":', 'if password == "$" or a == "b":'),
        ('client.set_password("hunter2", at="b")', 'client.set_password("$", at="$")'),
        ('secret = str("hunter2") + bob("b")', 'secret = str("$") + bob("b")'),
        ('key = SecretStr("hunter2")', 'key = SecretStr("$")'),
        (
            'get(url, auth=HTTPBasicAuth("bob", "hunter2"))',
            'get(url, auth=HTTPBasicAuth("$", "$"))',
        ),
        (
            'pin: str | None = 1\npw: str | None = a("X") or "hunter2"',
            'pin: str | None = 1\npw: str | None = a("X") or "$"',
        ),
        ('pw = "hunter2" if test else "hunter3"', 'pw = "$" if test else "$"'),
        ('settings["api_key"] = a or "hunter2"', 'settings["api_key"] = a or "$"'),
        ('says so.\n"""\nTOKENS = ["hunter2"]', 'says so.\n"""\nTOKENS = ["$"]'),
        (
            'connect("host=db password=hunter2 dbname=shop")',
            'connect("host=db password=$ dbname=shop")',
        ),
        (
            'get(f"https://x/?api_key=hunter2&auth={a}&token=hunter2")',
            'get(f"https://x/?api_key=$&auth={a}&token=$")',
        ),
        ('run(["mysql", "--password=hunter2", "shop"])', 'run(["mysql", "--password=$", "shop"])'),
        ('# don\'t\npw = ["hunter2"]', '# don\'t\npw = ["$"]'),
        ('# password = "hunter2"', '# password = "$"'),
        ("""a = '{"token": "hunter2"}'""", """a = '{"token": "$"}'"""),
        ("'api_key'] = 'hunter2'", "'api_key'] = \"$\""),
        ('x-api-key: \'hunter2\'\n"""', 'x-api-key: "$"\n"""'),
        ('>>> login(auth-token-old="hunter2")\n"""', '>>> login(auth-token-old="$")\n"""'),
    ],
)
def test_secrets_written_into_code_are_hidden(line: str, expected: str) -> None:
    """A literal beside a name of a secret is not sent with the line it stands in."""
    assert mask_source(line) == expected.replace("$", REDACTED)


def test_a_key_may_have_a_dollar() -> None:
    """PostHog's own names of properties are keys like others."""
    masked = mask_source('event["$session_id"] = "hunter2"')

    assert masked == f'event["$session_id"] = "{REDACTED}"'


@pytest.mark.parametrize(
    "line",
    [
        'password = request.POST["password"]',
        "token = make_token(user)",
        'path("reset/<token>/", view, name="password_reset")',
        'fields = ["username", "password", "email"]',
        "def check(password: str, token: str | None = None) -> bool:",
        'if password: return "good"',
        'name = os.environ.get("DB_NAME", "shop")',
        'password = models.CharField("Your own", max_length=128, help_text="Long")',
        'token = make(user, "reset")',
        'raise InvalidToken("It is expired")',
        'assert response.cookies["theme"] == "dark"',
        'response.set_cookie("theme", "dark")',
        'x = {"name": "bob", "token": token, "city": "Berlin"}',
        'password = a\nname = "bob"',
        'login(token=token, name="bob")',
        "d = {k:a@b}",
        'sql = "SELECT 1 WHERE token=%s AND pw=:pw AND auth=true"',
        'url = f"https://x/?token={token}"',
        'raise ValueError("Bad token: " + name)',
        'answer = input("Your password: ")',
        'def token(self) -> Token:\n    """Return the one in use."""',
    ],
)
def test_code_that_only_names_secrets_stays_as_it_is(line: str) -> None:
    """Code that handles secrets is what one wants to read."""
    assert mask_source(line) == line


@pytest.mark.parametrize(
    "text",
    [
        *(word * (10_000 // len(word)) for word in ("token ", "password", "://a:", "eyJa", "aA1")),
        *(
            word * (10_000 // len(word))
            for word in ("--token ", "password='", "token\\", "token[(")
        ),
        *(
            word * (10_000 // len(word))
            for word in ("bearer ", "basic a", "cookie:", "-----BEGIN ")
        ),
        *(
            f"{start}{word * (10_000 // len(word))}"
            for start, word in (
                ("", "input_value="),
                ("", "[parameters: "),
                ("", "bob:a"),
                ("@", "bob:" + "b" * 200),
                ("", "-u bob:"),
                ("", "authorization: a=b, "),
                ("", "password=<"),
                ("password=(", "('a', \""),
                ("", "'token'),'msg':"),
                ("", "token a='b'"),
                ("token", " a='b'"),
            )
        ),
        *(f"token{filler * 10_000}" for filler in (" ", "\\", ".", "'", "{", "-")),
    ],
    ids=lambda text: text[3:13],
)
def test_no_text_takes_long(text: str) -> None:
    """Texts that were made to keep an expression busy are masked in little time all the same."""
    start = thread_time()

    mask_text(text)
    mask_source(text)

    # Orders of magnitude below what an expression that goes back and forth would take.
    assert thread_time() - start < 0.5


@pytest.mark.parametrize("filler", [" " * 30, " : " * 9, "a|b[c] " * 5, "a" * 40])
def test_lines_full_of_names_are_read_once(filler: str) -> None:
    """What may stand between a name and its value is not tried in all the ways it can be cut."""

    def taken(characters: int) -> float:
        lines = f"password:{filler}" * (characters // (len(filler) + 9))
        times = []
        for _ in range(5):
            start = thread_time()
            mask_source(lines)
            times.append(thread_time() - start)
        return min(times)

    # Twice as long takes twice the time; tried in all ways, it would be four times and more.
    assert taken(22_000) < 3 * taken(11_000)


@pytest.mark.parametrize(
    "word",
    [
        "aB3dE6gH9jK2mN5pQ8sT1v",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY",
        "Xk9+2mQ/7vLp==Zr4TnW",
        "q7_Tz-P0wXe4Rk2LmN8v",
    ],
)
def test_words_drawn_at_random_look_like_it(word: str) -> None:
    """Long, mixed and disordered: that is a key."""
    assert tokens.looks_random(word)
    assert word not in tokens.mask_random_words(f"the word is {word}.")


@pytest.mark.parametrize(
    "word",
    [
        "4ab02389-4afe-4184-ba10-2d2124f22a91",
        "d41d8cd98f00b204e9800998ecf8427e",
        "django.contrib.sessions.backends.CachedDb",
        "/usr/lib/python3.11/site-packages/Django-5.2/django/Views.py",
        "https://shop.example.org/Books/17?Page=2",
        "2026-11-24T18:38:41.844803+00:00",
        "Screenshot_2024-01-01_At_10.30.45.png",
        "AbstractSingletonProxyFactoryBean",
        "hello world, this is Prose 123",
        "short-Abc1",
        "aaaaaaaaaaaaAAAAAAAAAA1111111",
    ],
)
def test_ids_paths_addresses_and_names_do_not(word: str) -> None:
    """What is long for another reason stays readable."""
    assert not tokens.looks_random(word)
    assert tokens.mask_random_words(f"the word is {word}.") == f"the word is {word}."
