"""Authlib's OAuth2Session without a framework: a client that proves itself by a key of its own, and all it can ask a server for.

One JSON object a line. The set-up comes first, on standard input; then each line on standard output that has a "url" is where a
person must go, and standard input says how they came back. The last line has what the server said.
"""
import itertools
import json
import sys

import requests
from authlib.common.security import generate_token
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT

DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"

setup = json.loads(sys.stdin.readline())
server = requests.get(setup["site"] + "/.well-known/openid-configuration").json()
token_endpoint = server["token_endpoint"]


steps = itertools.count()


def tell(**what):
    print(json.dumps({"step": next(steps), **what}), flush=True)


def ask(url):
    tell(url=url)
    return json.loads(sys.stdin.readline())


def session_for(audience=None, **more):
    """A session whose assertions are for this audience; for the endpoint they are sent to unless given, as Authlib has it."""
    made = OAuth2Session(
        setup["client_id"],
        setup["key"],
        token_endpoint_auth_method="private_key_jwt",
        revocation_endpoint_auth_method="private_key_jwt",
        redirect_uri=setup["redirect_uri"],
        code_challenge_method="S256",
        **more,
    )
    made.register_client_auth_method(PrivateKeyJWT(audience))
    return made


def refusal(work):
    """The error the server says no with; null if it says yes."""
    try:
        work()
    except OAuthError as no:
        return no.error


session = session_for(server["issuer"], scope="openid profile")
said = {}


def introspected(token):
    return session.introspect_token(server["introspection_endpoint"], token=token).json()


# A code, with PKCE.
def arrive():
    verifier = generate_token(48)
    url, state = session.create_authorization_url(server["authorization_endpoint"], code_verifier=verifier)
    return {"authorization_response": ask(url)["redirect"], "state": state}, verifier


response, _ = arrive()
wrong = generate_token(48)
said["wrong verifier"] = refusal(lambda: session.fetch_token(token_endpoint, code_verifier=wrong, **response))
response, verifier = arrive()
old = session_for()
said["token endpoint as audience"] = refusal(lambda: old.fetch_token(token_endpoint, code_verifier=verifier, **response))
first = session.fetch_token(token_endpoint, code_verifier=verifier, **response)
said["userinfo"] = session.get(server["userinfo_endpoint"]).json()
said["introspected"] = introspected(first["access_token"])

# Refreshed, exchanged, revoked.
second = session.refresh_token(token_endpoint)
said["rotated"] = second["refresh_token"] != first["refresh_token"]
exchanged = session_for(server["issuer"]).fetch_token(
    token_endpoint,
    grant_type=EXCHANGE,
    subject_token=second["access_token"],
    subject_token_type=ACCESS_TOKEN,
    scope="profile",
)
said["exchanged"] = introspected(exchanged["access_token"])
said["revoked"] = session.revoke_token(server["revocation_endpoint"], token=second["refresh_token"]).status_code
said["after"] = [introspected(one["access_token"])["active"] for one in (first, second, exchanged)]
said["refreshed after"] = refusal(
    lambda: session.refresh_token(token_endpoint, refresh_token=second["refresh_token"])
)

# A device. Authlib has no function for the first request; the client proves itself as everywhere.
device = session.post(
    server["device_authorization_endpoint"],
    data={"client_id": setup["client_id"], "scope": "openid profile"},
    auth=session.client_auth("private_key_jwt"),
).json()


def poll():
    return session.fetch_token(token_endpoint, grant_type=DEVICE, device_code=device["device_code"])


said["pending"] = refusal(poll)
ask(device["verification_uri_complete"])
poll()
said["device"] = session.get(server["userinfo_endpoint"]).json()
tell(said=said)
