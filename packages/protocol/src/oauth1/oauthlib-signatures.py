"""Signs requests with oauthlib, for foreign.test.ts: reads a JSON list of requests, writes a JSON list of what it made of each."""
import json
import sys
from types import SimpleNamespace

from oauthlib.oauth1.rfc5849 import signature
from oauthlib.oauth1.rfc5849.utils import parse_authorization_header


def sign(base, asked):
    method = asked["signature_method"]
    secrets = asked["client_secret"], asked["token_secret"]
    if method == "HMAC-SHA1":
        return signature.sign_hmac_sha1(base, *secrets)
    if method == "HMAC-SHA256":
        return signature.sign_hmac_sha256(base, *secrets)
    if method == "PLAINTEXT":
        return signature.sign_plaintext(*secrets)
    client = SimpleNamespace(rsa_key=asked["rsa_key"])
    if method == "RSA-SHA1":
        return signature.sign_rsa_sha1_with_client(base, client)
    return signature.sign_rsa_sha256_with_client(base, client)


def answer(asked):
    query = asked["url"].partition("?")[2]
    parameters = signature.collect_parameters(query, asked["body"], {"Authorization": asked["header"]})
    base = signature.signature_base_string(
        asked["method"],
        signature.base_string_uri(asked["url"]),
        signature.normalize_parameters(parameters),
    )
    header = dict(parse_authorization_header(asked["header"]))
    return {"base": base, "signature": sign(base, asked), "header": header}


json.dump([answer(one) for one in json.load(sys.stdin)], sys.stdout)
