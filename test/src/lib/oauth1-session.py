"""Three-legged OAuth 1.0a with requests_oauthlib, as its users write it. What a browser does in between comes from stdin."""
import json
import sys

import requests_oauthlib


def tell(**said):
    print(json.dumps(said), flush=True)


setup = json.loads(sys.stdin.readline())
site = setup["site"]
client_key = setup["client_id"]
client_secret = setup["client_secret"]

begun = requests_oauthlib.OAuth1Session(client_key, client_secret, callback_uri=setup["callback"])
begun.trust_env = False
begun.fetch_request_token(site + "/oauth1/initiate")
tell(url=begun.authorization_url(site + "/oauth1/authorize"))
back = json.loads(sys.stdin.readline())
if "redirect" in back:
    begun.parse_authorization_response(back["redirect"])
    tokens = begun.fetch_access_token(site + "/oauth1/token")
else:
    tokens = begun.fetch_access_token(site + "/oauth1/token", verifier=back["verifier"])
access_token = tokens["oauth_token"]
access_token_secret = tokens["oauth_token_secret"]

# From here on as the tutorial has it.
oauth = requests_oauthlib.OAuth1Session(client_key, client_secret, access_token, access_token_secret)
oauth.trust_env = False
response = oauth.get(site + "/userinfo")
if response.status_code == 200:
    tell(data=response.json(), token=access_token, token_secret=access_token_secret)
else:
    tell(status=response.status_code, said=response.text)
