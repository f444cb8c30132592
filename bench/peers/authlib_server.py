"""Authlib on Flask under gunicorn, with a durable SQLite file behind it. Arguments: the file.

Sessions are Flask's own, in a signed cookie. Prints what it is as one line of JSON when it listens, and ends with its standard input.
"""

import json
import os
import signal
import sys
import threading

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"

from authlib.integrations.flask_oauth2 import AuthorizationServer, ResourceProtector, current_token
from authlib.jose import JsonWebKey
from authlib.oauth2.rfc6749 import grants
from authlib.oauth2.rfc6750 import BearerTokenValidator
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from authlib.oidc.core import UserInfo
from authlib.oidc.core.grants import OpenIDCode
from flask import Flask, jsonify, request, session
from gunicorn.app.base import BaseApplication

from authlib_model import Model, Person

model = Model(sys.argv[1])
keys = {
    "ES256": JsonWebKey.generate_key("EC", "P-256", {"kid": "es"}, is_private=True),
    "RS256": JsonWebKey.generate_key("RSA", 2048, {"kid": "rs"}, is_private=True),
}
person = {"email": "ada@example.test", "name": "Ada Example", "password": "bench of seven long planks"}

app = Flask(__name__)
app.secret_key = os.urandom(32)
app.config["OAUTH2_REFRESH_TOKEN_GENERATOR"] = True
app.config["OAUTH2_TOKEN_EXPIRES_IN"] = {"authorization_code": 900, "refresh_token": 900, "client_credentials": 900}


class Code(grants.AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic"]

    def save_authorization_code(self, code, asked):
        model.add_code(code, asked)

    def query_authorization_code(self, code, client):
        found = model.find_code(code)
        return found if found is not None and found.client_id == client.client_id and not found.is_expired() else None

    def delete_authorization_code(self, found):
        model.remove_code(found.code)

    def authenticate_user(self, found):
        return Person(found.subject)


class SignedIn(OpenIDCode):
    def exists_nonce(self, nonce, asked):
        return False

    def get_jwt_config(self, grant):
        alg = grant.request.client.alg
        return {"key": keys[alg], "alg": alg, "iss": "http://localhost", "exp": 3600}

    def generate_user_info(self, user, scope):
        return UserInfo(sub=user.subject)


class Refresh(grants.RefreshTokenGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic"]
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, token):
        return model.find_refresh(token)

    def authenticate_user(self, found):
        return Person(found.subject)

    def revoke_old_credential(self, found):
        model.remove_token(found)


class Introspect(IntrospectionEndpoint):
    CLIENT_AUTH_METHODS = ["client_secret_basic"]

    def query_token(self, token, hint):
        return model.find_access(token)

    def check_permission(self, token, client, asked):
        return True

    def introspect_token(self, token):
        return {
            "active": True,
            "client_id": token.client_id,
            "token_type": "Bearer",
            "scope": token.get_scope(),
            "sub": token.subject,
            "exp": token.expires_at,
        }


class Bearer(BearerTokenValidator):
    def authenticate_token(self, token):
        return model.find_access(token)


server = AuthorizationServer(app, query_client=model.client, save_token=model.add_token)
server.register_grant(Code, [CodeChallenge(required=True), SignedIn()])
server.register_grant(grants.ClientCredentialsGrant)
server.register_grant(Refresh)
server.register_endpoint(Introspect)
require_oauth = ResourceProtector()
require_oauth.register_token_validator(Bearer())


@app.post("/login")
def login():
    given = request.get_json()
    if given["email"] != person["email"] or given["password"] != person["password"]:
        return "", 401
    session["subject"] = "ada"
    return jsonify({})


@app.get("/authorize")
def authorize():
    if "subject" not in session:
        return "", 401
    user = Person(session["subject"])
    server.get_consent_grant(end_user=user)
    return server.create_authorization_response(grant_user=user)


@app.post("/token")
def token():
    return server.create_token_response()


@app.post("/introspect")
def introspect():
    return server.create_endpoint_response("introspection")


@app.get("/userinfo")
@require_oauth("openid")
def userinfo():
    return jsonify(sub=current_token.subject, name=person["name"], email=person["email"])


@app.get("/api")
@require_oauth("openid")
def api():
    return jsonify(client_id=current_token.client_id)


def tell(arbiter):
    print(
        json.dumps(
            {
                "port": arbiter.LISTENERS[0].sock.getsockname()[1],
                "able": [
                    *("token", "introspect", "code-ES256", "code-RS256"),
                    *("refresh", "userinfo", "flow", "api-opaque"),
                ],
                "paths": {
                    "token": "/token",
                    "introspect": "/introspect",
                    "authorize": "/authorize",
                    "userinfo": "/userinfo",
                    "api": "/api",
                },
                "signIn": {"path": "/login", "json": {"email": person["email"], "password": person["password"]}},
                "opaque": {"scope": "openid"},
            },
            separators=(",", ":"),
        ),
        flush=True,
    )
    main = os.getpid()

    def end_with_parent():
        sys.stdin.read()
        os.kill(main, signal.SIGTERM)

    threading.Thread(target=end_with_parent, daemon=True).start()


class Gunicorn(BaseApplication):
    def load_config(self):
        # One core: threads keep connections open, which sync workers do not; a second process only changes places with the first.
        wanted = os.environ.get("AUTHLIB_WORKERS", "gthread 1 32").split()
        settings = {
            "bind": "127.0.0.1:0",
            "worker_class": wanted[0],
            "workers": int(wanted[1]),
            "threads": int(wanted[2]),
            "keepalive": 75,
            "loglevel": "warning",
            "when_ready": tell,
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self):
        return app


Gunicorn().run()
