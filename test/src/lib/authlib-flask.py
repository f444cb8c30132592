"""A Flask application that signs people in with Authlib, in the calls of the tutorials: addresses and credentials come from the test.

`github` is an OAuth 2 service with an API and nothing else, `google` is found by OpenID Connect Discovery. Neither uses PKCE: the
tutorials do not.
Input: one JSON object as the only argument.
"""
import json
import sys
from functools import wraps

from authlib.integrations.flask_client import OAuth
from flask import Flask, jsonify, redirect, request, session, url_for

setup = json.loads(sys.argv[1])
site = setup["site"]

app = Flask(__name__)
app.secret_key = "supersecretkey"

# Initialised and configured as the tutorial has it.
oauth = OAuth(app)
oauth.register(
    name="github",
    client_id=setup["github"]["client_id"],
    client_secret=setup["github"]["client_secret"],
    authorize_url=site + "/authorize",
    authorize_params=None,
    access_token_url=site + "/token",
    access_token_params=None,
    refresh_token_url=None,
    client_kwargs={"scope": "user:email"},
)


def keep(token, refresh_token=None, access_token=None):
    session["token"] = token


oauth.register(
    name="google",
    client_id=setup["google"]["client_id"],
    client_secret=setup["google"]["client_secret"],
    server_metadata_url=site + "/.well-known/openid-configuration",
    authorize_params=None,
    access_token_params=None,
    refresh_token_url=None,
    update_token=keep,
    client_kwargs={"scope": "openid email profile"},
)


def login_required(f):
    @wraps(f)
    def decorated_function(*args, **kwargs):
        if "user" not in session:
            return redirect(url_for("login", next=request.url))
        return f(*args, **kwargs)

    return decorated_function


@app.route("/")
def home():
    user = session.get("user")
    if user:
        return f'Hello, {user["login"]}!'
    return "Welcome to the OAuth Demo!"


@app.route("/login")
def login():
    redirect_uri = url_for("authorize", _external=True)
    return oauth.github.authorize_redirect(redirect_uri)


@app.route("/callback")
def authorize():
    token = oauth.github.authorize_access_token()
    resp = oauth.github.get(setup["api"] + "user", token=token)
    user_info = resp.json()
    session["user"] = user_info
    return redirect("/")


@app.route("/profile")
@login_required
def profile():
    user = session["user"]
    return f'Profile: {user["login"]}'


# The second provider: who it is comes from an ID token that Authlib verified.
@app.route("/openid/login")
def openid_login():
    return oauth.google.authorize_redirect(url_for("openid_callback", _external=True))


@app.route("/openid/callback")
def openid_callback():
    token = oauth.google.authorize_access_token()
    session["user"] = {"login": oauth.google.userinfo(token=token)["name"]}
    session["claims"] = token.pop("userinfo")
    session["token"] = token
    return redirect("/")


@app.route("/openid/userinfo")
@login_required
def openid_userinfo():
    """With `?expired`, Authlib takes its token for expired and refreshes it on the way."""
    token = {**session["token"], **({"expires_at": 1} if "expired" in request.args else {})}
    userinfo = oauth.google.userinfo(token=token)
    return jsonify(userinfo=userinfo, claims=session["claims"], token=session["token"])


@app.route("/logout")
def logout():
    session.pop("user", None)
    token = session.pop("token", None)
    if token is None:
        return redirect("/")
    back = {"post_logout_redirect_uri": url_for("home", _external=True), "id_token_hint": token["id_token"]}
    end = oauth.google.load_server_metadata()["end_session_endpoint"]
    return redirect(end + "?" + "&".join(f"{name}={value}" for name, value in back.items()))


if __name__ == "__main__":
    app.run(port=setup["port"])
