"""What Authlib asks of an application: clients, codes and tokens, in SQLite (WAL, synchronous=FULL), each write one transaction.

A connection for each thread; sqlite3 keeps its statements prepared.
"""

import hashlib
import json
import sqlite3
import threading
import time

from authlib.oauth2.rfc6749 import AuthorizationCodeMixin, ClientMixin, TokenMixin

SCHEMA = """
create table if not exists code (code text primary key, expires_at integer not null, data text not null) without rowid;
create table if not exists token (access text primary key, refresh text, client_id text not null, subject text, scope text not null,
  expires_at integer not null) without rowid;
create unique index if not exists token_by_refresh on token (refresh) where refresh is not null;
create table if not exists client (id text primary key, secret text not null, data text not null) without rowid;
"""
SECRET = "kept-by-nobody-0123456789-abcdefghijklmnopqrstuvwxyz"
REDIRECT_URI = "https://app.example.org/callback"
CLIENTS = {
    "machine": {"alg": None, "grants": ["client_credentials"]},
    "web-es256": {"alg": "ES256", "grants": ["authorization_code", "refresh_token"]},
    "web-rs256": {"alg": "RS256", "grants": ["authorization_code", "refresh_token"]},
}


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


class Person:
    def __init__(self, subject):
        self.subject = subject

    def get_user_id(self):
        return self.subject


class Client(ClientMixin):
    def __init__(self, client_id, secret, data):
        self.client_id, self.secret = client_id, secret
        self.alg, self.grants = data["alg"], data["grants"]

    def get_client_id(self):
        return self.client_id

    def get_default_redirect_uri(self):
        return REDIRECT_URI

    def get_allowed_scope(self, scope):
        return scope or "openid"

    def check_redirect_uri(self, redirect_uri):
        return redirect_uri == REDIRECT_URI

    def check_client_secret(self, secret):
        return digest(secret) == self.secret

    def check_endpoint_auth_method(self, method, endpoint):
        return method == "client_secret_basic"

    def check_response_type(self, response_type):
        return response_type == "code"

    def check_grant_type(self, grant_type):
        return grant_type in self.grants


class Code(AuthorizationCodeMixin):
    def __init__(self, code, expires_at, data):
        self.code, self.expires_at = code, expires_at
        self.client_id, self.subject, self.redirect_uri = data["client_id"], data["subject"], data["redirect_uri"]
        self.scope, self.nonce, self.auth_time = data["scope"], data["nonce"], data["auth_time"]
        self.code_challenge, self.code_challenge_method = data["code_challenge"], data["code_challenge_method"]

    def is_expired(self):
        return self.expires_at <= time.time()

    def get_redirect_uri(self):
        return self.redirect_uri

    def get_scope(self):
        return self.scope

    def get_nonce(self):
        return self.nonce

    def get_auth_time(self):
        return self.auth_time


class Token(TokenMixin):
    def __init__(self, access, client_id, subject, scope, expires_at):
        self.access, self.client_id, self.subject, self.scope = access, client_id, subject, scope
        self.expires_at = expires_at

    def check_client(self, client):
        return self.client_id == client.client_id

    def get_scope(self):
        return self.scope

    def get_expires_in(self):
        return 900

    def is_expired(self):
        return self.expires_at <= time.time()

    def is_revoked(self):
        return False


class Model:
    def __init__(self, file):
        self.file = file
        self.local = threading.local()
        self.db().executescript(SCHEMA)
        for client_id, data in CLIENTS.items():
            self.write("insert or replace into client values (?, ?, ?)", (client_id, digest(SECRET), json.dumps(data)))
        # Connections must not cross a fork.
        self.local.db.close()
        del self.local.db

    def db(self):
        if not hasattr(self.local, "db"):
            self.local.db = sqlite3.connect(self.file, timeout=10, isolation_level=None)
            self.local.db.execute("pragma journal_mode = wal")
            self.local.db.execute("pragma synchronous = full")
        return self.local.db

    def read(self, statement, values):
        return self.db().execute(statement, values).fetchone()

    def write(self, statement, values):
        # Without a transaction of its own a statement is one.
        self.db().execute(statement, values)

    def client(self, client_id):
        row = self.read("select secret, data from client where id = ?", (client_id,))
        return Client(client_id, row[0], json.loads(row[1])) if row else None

    def add_code(self, code, asked):
        data = {
            "client_id": asked.client.client_id,
            "subject": asked.user.subject,
            "redirect_uri": asked.redirect_uri,
            "scope": asked.scope,
            "nonce": asked.data.get("nonce"),
            "auth_time": int(time.time()),
            "code_challenge": asked.data.get("code_challenge"),
            "code_challenge_method": asked.data.get("code_challenge_method"),
        }
        self.write("insert into code values (?, ?, ?)", (digest(code), int(time.time()) + 60, json.dumps(data)))

    def find_code(self, code):
        row = self.read("select expires_at, data from code where code = ?", (digest(code),))
        return Code(code, row[0], json.loads(row[1])) if row else None

    def remove_code(self, code):
        self.write("delete from code where code = ?", (digest(code),))

    def add_token(self, token, asked):
        subject = asked.user.subject if asked.user else None
        refresh = digest(token["refresh_token"]) if "refresh_token" in token else None
        owner = (asked.client.client_id, subject, token.get("scope") or "")
        expires_at = int(time.time()) + token["expires_in"]
        values = (digest(token["access_token"]), refresh, *owner, expires_at)
        self.write("insert into token values (?, ?, ?, ?, ?, ?)", values)

    def find_access(self, token):
        return self.find_token("access", token)

    def find_refresh(self, token):
        return self.find_token("refresh", token)

    def find_token(self, column, token):
        columns = "access, client_id, subject, scope, expires_at"
        row = self.read(f"select {columns} from token where {column} = ?", (digest(token),))
        return Token(*row) if row else None

    def remove_token(self, found):
        self.write("delete from token where access = ?", (found.access,))
