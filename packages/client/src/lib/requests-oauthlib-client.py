"""Sends requests with requests_oauthlib: reads a JSON list of requests from stdin, writes the list of statuses."""
import json
import sys

from requests_oauthlib import OAuth1Session

statuses = []
for asked in json.load(sys.stdin):
    session = OAuth1Session(
        asked["client_id"],
        client_secret=asked["client_secret"],
        resource_owner_key=asked.get("token"),
        resource_owner_secret=asked.get("token_secret"),
        signature_method=asked["signature_method"],
        signature_type=asked["signature_type"],
        rsa_key=asked.get("rsa_key"),
        realm=asked.get("realm"),
    )
    session.trust_env = False
    answer = session.request(
        asked["method"],
        asked["url"],
        params=[tuple(pair) for pair in asked.get("params", [])],
        data=[tuple(pair) for pair in asked["data"]] if "data" in asked else None,
        json=asked.get("json"),
    )
    statuses.append(answer.status_code)
json.dump(statuses, sys.stdout)
