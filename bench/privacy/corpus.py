#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the corpus that detectors are scored on: lines as services write them, with what is personal or secret in them marked.

    corpus.py --seed N --lines N > corpus.jsonl     each line {"text": ..., "spans": [[begin, end, detector], ...], "kind": "generated"}

Offsets are bytes of UTF-8. Seed 1 is for tuning, seed 2 for scoring. A third of the lines holds nothing of anybody."""

import argparse
import base64
import json
import random
import string
import sys
import uuid

from faker import Faker

LOCALES = ["en_US", "en_GB", "de_DE", "fr_FR", "es_ES", "it_IT", "nl_NL", "pt_BR", "en_IN", "ru_RU", "ja_JP"]


class Maker:
    """Values and the lines around them; everything follows from one seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.fakers = {locale: Faker(locale) for locale in LOCALES}
        for faker in self.fakers.values():
            faker.seed_instance(self.random.getrandbits(32))
        self.en = self.fakers["en_US"]

    def any_faker(self) -> Faker:
        return self.fakers[self.random.choice(LOCALES)]

    def chars(self, alphabet: str, size: int) -> str:
        return "".join(self.random.choice(alphabet) for _ in range(size))

    def digits(self, size: int) -> str:
        return self.chars(string.digits, size)

    # Values, by detector.

    def email(self) -> str:
        return self.any_faker().email()

    def card(self) -> str:
        number = self.en.credit_card_number()
        if len(number) == 16 and self.random.random() < 0.5:
            gap = self.random.choice(" -")
            return gap.join(number[i : i + 4] for i in range(0, 16, 4))
        return number

    def iban(self) -> str:
        faker = self.fakers[self.random.choice(["en_GB", "de_DE", "fr_FR", "es_ES", "it_IT", "nl_NL"])]
        iban = faker.iban()
        if self.random.random() < 0.5:
            return " ".join(iban[i : i + 4] for i in range(0, len(iban), 4))
        return iban

    def phone(self) -> str:
        choose = self.random.random()
        if choose < 0.4:
            return f"+{self.random.choice(['1 555', '44 20', '49 30', '33 1', '34 91', '39 06', '31 20', '91 98'])} {self.digits(3)} {self.digits(4)}"
        if choose < 0.6:
            return self.random.choice(["({}) {}-{}", "{}-{}-{}", "{}.{}.{}"]).format(
                self.random.randrange(201, 989), self.random.randrange(200, 999), self.digits(4)
            )
        return self.random.choice(
            ["020 7946 {}", "0151 2345{}", "07700 90{}", "01 42 68 {0[0]}{0[1]} {0[2]}{0[3]}", "06-1234{}"]
        ).format(self.digits(4))

    def ip(self) -> str:
        if self.random.random() < 0.7:
            return self.en.ipv4_public()
        return "2001:db8:" + ":".join(format(self.random.randrange(1, 65536), "x") for _ in range(6))

    def mac(self) -> str:
        mac = self.en.mac_address()
        return self.random.choice([mac, mac.upper(), mac.replace(":", "-")])

    def jwt(self) -> str:
        def part(value: dict) -> str:
            return base64.urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).decode().rstrip("=")

        alphabet = string.ascii_letters + string.digits + "-_"
        header = {"alg": self.random.choice(["HS256", "RS256", "ES256"]), "typ": "JWT"}
        return f"{part(header)}.{part({'sub': self.digits(9), 'exp': 1764000000})}.{self.chars(alphabet, 43)}"

    def api_key(self) -> str:
        alnum = string.ascii_letters + string.digits
        upper = string.ascii_uppercase + string.digits
        return self.random.choice(
            [
                lambda: "AKIA" + self.chars(upper, 16),
                lambda: "ghp_" + self.chars(alnum, 36),
                lambda: "glpat-" + self.chars(alnum, 20),
                lambda: f"xoxb-{self.digits(12)}-{self.digits(12)}-{self.chars(alnum, 24)}",
                lambda: "sk_live_" + self.chars(alnum, 24),
                lambda: "AIza" + self.chars(alnum + "-_", 35),
                lambda: f"SG.{self.chars(alnum, 22)}.{self.chars(alnum, 43)}",
                lambda: "npm_" + self.chars(alnum, 36),
                lambda: "hf_" + self.chars(string.ascii_letters, 34),
                lambda: self.chars(alnum, 3) + "8Q~" + self.chars(alnum + "-_.~", 32) + "aZ",
            ]
        )()

    def password(self) -> str:
        return self.en.password(length=self.random.randrange(8, 16), special_chars=False)

    def us_ssn(self) -> str:
        return self.en.ssn()

    def es_id(self) -> str:
        return self.random.choice([self.fakers["es_ES"].nif, self.fakers["es_ES"].nie])()

    def fr_nir(self) -> str:
        return self.fakers["fr_FR"].ssn()

    def de_tax_id(self) -> str:
        """ISO 7064 MOD 11,10 over ten digits of which one comes twice."""
        digits = self.random.sample(range(10), 9)
        digits.insert(self.random.randrange(9), self.random.choice(digits))
        if digits[0] == 0:
            return self.de_tax_id()
        product = 10
        for digit in digits:
            total = (digit + product) % 10 or 10
            product = 2 * total % 11
        return "".join(map(str, digits)) + str((11 - product) % 10)

    def it_fiscal_code(self) -> str:
        return self.fakers["it_IT"].ssn()

    def nl_bsn(self) -> str:
        return self.fakers["nl_NL"].ssn()

    def uk_nino(self) -> str:
        prefix = self.random.choice("ABCEGHJKLMPRSTWXYZ") + self.random.choice("ABCEGHJLMPRSWXYZ")
        if prefix in ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ"):
            return self.uk_nino()
        digits, last = self.digits(6), self.random.choice("ABCD")
        return self.random.choice(
            [f"{prefix}{digits}{last}", f"{prefix} {digits[:2]} {digits[2:4]} {digits[4:]} {last}"]
        )

    def in_aadhaar(self) -> str:
        number = self.fakers["en_IN"].aadhaar_id()
        return self.random.choice([number, f"{number[:4]} {number[4:8]} {number[8:]}"])

    def br_cpf(self) -> str:
        return self.fakers["pt_BR"].cpf()

    def birth_date(self) -> str:
        date = self.en.date_of_birth(minimum_age=18, maximum_age=90)
        return date.strftime(self.random.choice(["%Y-%m-%d", "%d/%m/%Y", "%d.%m.%Y", "%d %B %Y", "%B %d, %Y"]))

    def coordinates(self) -> str:
        return f"{self.en.latitude()}, {self.en.longitude()}"

    def cookie(self) -> str:
        return self.chars(string.ascii_lowercase + string.digits, 32)

    def basic(self) -> str:
        return base64.b64encode(f"{self.en.user_name()}:{self.password()}".encode()).decode()

    def key(self) -> str:
        return self.chars(string.ascii_letters + string.digits, 40)

    def pem(self) -> str:
        body = self.chars(string.ascii_letters + string.digits + "+/", 64)
        return f"-----BEGIN RSA PRIVATE KEY-----\\n{body}\\n-----END RSA PRIVATE KEY-----"

    def user(self) -> str:
        return self.en.user_name()


# What stands around a value; {} is the value.
COMMON = [
    "INFO  checkout done for {} in 12.5 ms",
    '{{"level":"warn","msg":"rejected","value":"{}"}}',
    "value={} status=400",
    "ValueError: cannot use {} here",
    "[worker-3] processing '{}' (attempt 2)",
    "GET /lookup?q={} HTTP/1.1",
]
FRAMES: dict[str, list[str]] = {
    "email": COMMON
    + ["user {} logged in", "/u/{}/orders", "mailto:{}", "To: <{}>", "Key (email)=({}) already exists."],
    "card": COMMON[:5] + ["payment with card {} declined", '{{"pan":"{}","exp":"12/27"}}', "PAN {} charged 12.00 EUR"],
    "iban": COMMON[:5] + ["transfer to {} done", '{{"iban":"{}"}}', "IBAN: {}"],
    "phone": ["call {} back", '{{"phone":"{}"}}', "sms sent to {} ok", "phone={}", "Tel.: {}", "contact {} now"],
    "ip": COMMON + ["connection from {} closed", '{} - - "GET / HTTP/1.1" 200', "client={} port=443", '{{"ip":"{}"}}'],
    "mac": COMMON[:5] + ["DHCPACK to {} via eth0", '{{"mac":"{}"}}', "device {} joined"],
    "jwt": ["got token {} from client", "jwt={} expired", "sent {} upstream", "?jwt={}&x=1"],
    "api_key": [
        "using {} for upload",
        "key {} is revoked",
        '{{"value":"{}"}}',
        "curl -u {}: https://api.example.com",
        "export KEY={}",
    ],
    "field": [
        "password={} user_agent=curl",
        '{{"password":"{}","n":1}}',
        '{{"db":{{"passwd":"{}"}}}}',
        "DB_PASSWORD={}",
        "client_secret: '{}'",
        'api-key="{}"',
    ],
    "parameter": ["POST /login?page=1&password={}&next=home", "GET /cb?access_token={} 302", "GET /x?api_key={}&y=2"],
    "us_ssn": COMMON[:5] + ["ssn={}", "Social Security Number {} verified"],
    "es_id": COMMON[:5] + ["dni={}", "documento {} validado"],
    "fr_nir": COMMON[:5] + ["nir={}", "assure {} trouve"],
    "de_tax_id": ["Steuer-ID {} geprueft", "tax_id={}", '{{"steuer_id":"{}"}}'],
    "it_fiscal_code": COMMON[:5] + ["codice fiscale {}", "cf={}"],
    "nl_bsn": ["bsn={}", "BSN {} gevonden", '{{"bsn":"{}"}}'],
    "uk_nino": COMMON[:5] + ["nino={}", "NI number {} found"],
    "in_aadhaar": ["aadhaar={}", "Aadhaar number {} verified", '{{"aadhaar":"{}"}}'],
    "br_cpf": COMMON[:5] + ["cpf={}", "cliente CPF {} encontrado"],
    "birth_date": ["dob={}", '{{"date_of_birth":"{}"}}', "born {}", "Date of birth: {}", "birthdate: {}"],
    "coordinates": ["location: {}", '{{"coordinates":"{}"}}', "gps {}", "driver position {} updated"],
    "cookie": ["Cookie: sessionid={}; path=/", "Set-Cookie: JSESSIONID={}; Path=/; HttpOnly", '{{"cookie":"sid={}"}}'],
    "credential": ["Authorization: Basic {}", "authorization: basic {}"],
    "secret": ["the api key is {} for now", "secret {} loaded", "token {} rejected"],
    "private_key": ["loaded key {}", '{{"pem":"{}"}}'],
    "person": ["user_id={} action=view", '{{"username":"{}"}}', "enduser.id={} ok", '{{"user.name":"{}"}}'],
    "url_password": ["connecting to postgres://{}@db.internal:5432/shop", "broker amqp://{}@mq/"],
}
VALUES = {
    "field": "password", "parameter": "password", "credential": "basic", "secret": "key", "private_key": "pem", "person": "user",
}  # fmt: skip


def clean(m: Maker) -> str:
    """A line about nobody."""
    r = m.random
    return r.choice(
        [
            lambda: (
                f"upgraded {m.en.word()} from {r.randrange(9)}.{r.randrange(20)}.{r.randrange(30)} to {r.randrange(9)}.{r.randrange(20)}.{r.randrange(30)}-rc{r.randrange(5)}"
            ),
            lambda: f"version {r.randrange(20)}.{r.randrange(20)}.{r.randrange(20)}.{r.randrange(20)} released",
            lambda: f"commit {m.chars('0123456789abcdef', 40)} by build {r.randrange(10**6)}",
            lambda: f"sha256:{m.chars('0123456789abcdef', 64)} pulled",
            lambda: f"order {m.digits(16)} shipped",
            lambda: f"order_id={m.digits(r.randrange(6, 14))} state=paid total={r.randrange(10**5) / 100}",
            lambda: f"{m.en.iso8601()}Z INFO started worker {r.randrange(64)}",
            lambda: f"ts={r.randrange(1_600_000_000, 1_900_000_000)}{m.digits(r.choice([0, 3, 6, 9]))} tick",
            lambda: f"request {uuid.UUID(int=r.getrandbits(128), version=4)} took {r.random():.6f} s",
            lambda: f"trace_id={m.chars('0123456789abcdef', 32)} span_id={m.chars('0123456789abcdef', 16)}",
            lambda: f"quantiles {r.random() * 90:.4f}, {r.random() * 90:.4f}, {r.random() * 90:.4f}",
            lambda: f"matrix row {r.random() * 90:.6f} {r.random() * 90:.6f}",
            lambda: f"for i in range({r.randrange(100)}): total += values[i] * {r.random():.3f}",
            lambda: f"data {base64.b64encode(r.randbytes(30)).decode()} written",
            lambda: (
                f"GET /api/v{r.randrange(3)}/items/{r.randrange(10**7)}?page={r.randrange(99)}&size=50 200 {r.randrange(9999)}"
            ),
            lambda: f"{m.any_faker().sentence()}",
            lambda: f"{r.choice(['tokens', 'max_tokens', 'password_length', 'token_type_count'])}={r.randrange(5000)}",
            lambda: f'File "/usr/lib/python3.11/{m.en.word()}.py", line {r.randrange(2000)}, in {m.en.word()}',
            lambda: f"bytes {r.randrange(10**10):,} of {r.randrange(10**12):,}",
            lambda: (
                f"Mozilla/5.0 (X11; Linux x86_64) Chrome/{r.randrange(90, 130)}.0.{r.randrange(9999)}.{r.randrange(255)} Safari/537.36"
            ),
            lambda: f"invalid token: unexpected {m.en.word()} at line {r.randrange(999)}",
            lambda: (
                f"{r.choice(['password reset requested', 'session expired', 'basic authentication failed', 'bearer token missing'])} after {r.randrange(60)} s"
            ),
            lambda: f"pass={r.randrange(100)} fail={r.randrange(10)} skip=0",
            lambda: f"sku {m.chars(string.ascii_uppercase, 2)}{m.digits(6)} restocked by {r.randrange(500)}",
        ]
    )()


def line(m: Maker, detector: str) -> tuple[str, list]:
    value = f"{m.user()}:{m.password()}" if detector == "url_password" else getattr(m, VALUES.get(detector, detector))()
    frame = m.random.choice(FRAMES[detector])
    before = frame[: frame.index("{}")].replace("{{", "{").replace("}}", "}")
    text = frame.replace("{}", "\0").replace("{{", "{").replace("}}", "}").replace("\0", value)
    begin = len(before.encode())
    return text, [[begin, begin + len(value.encode()), detector]]


def in_log(m: Maker, text: str, spans: list) -> tuple[str, list]:
    """The line as a formatter of logs writes half of them."""
    if text.startswith("{") or m.random.random() < 0.5:
        return text, spans
    level = m.random.choice(["DEBUG", "INFO", "WARNING", "ERROR"])
    prefix = m.random.choice(["{} {:7} [{}] ", "{} {} {}: ", "time={} level={} logger={} "]).format(
        m.en.date_time_this_decade().isoformat() + f".{m.random.randrange(1000):03}Z", level, f"shop.{m.en.word()}"
    )
    begin = len(prefix.encode())
    return prefix + text, [[b + begin, e + begin, detector] for b, e, detector in spans]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--lines", type=int, default=20_000)
    arguments = parser.parse_args()
    maker = Maker(arguments.seed)
    detectors = sorted(FRAMES)
    for number in range(arguments.lines):
        if number % 3 == 0:
            text, spans = clean(maker), []
        else:
            text, spans = line(maker, detectors[number // 3 * 2 % len(detectors) - number % 3])
        text, spans = in_log(maker, text, spans)
        json.dump({"text": text, "spans": spans, "kind": "generated"}, sys.stdout, ensure_ascii=False)
        print()


if __name__ == "__main__":
    main()
