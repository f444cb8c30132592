"""An API in Flask that Authlib protects: each token is introspected (RFC 7662), as its documentation has it.

Input: one JSON object as the only argument: port, endpoint, client_id, client_secret, audience.
"""
import json
import sys

import requests
from authlib.integrations.flask_oauth2 import ResourceProtector
from authlib.oauth2.rfc6750 import InvalidTokenError
from authlib.oauth2.rfc7662 import IntrospectTokenValidator
from flask import Flask

setup = json.loads(sys.argv[1])
app = Flask(__name__)
require_oauth = ResourceProtector()


class OurTokens(IntrospectTokenValidator):
    def introspect_token(self, token_string):
        answer = requests.post(
            setup["endpoint"],
            data={"token": token_string},
            auth=(setup["client_id"], setup["client_secret"]),
            timeout=5,
        )
        answer.raise_for_status()
        return answer.json()

    def validate_token(self, token, scopes, request):
        super().validate_token(token, scopes, request)
        if token["aud"] != setup["audience"] or "cnf" in token:
            raise InvalidTokenError()


require_oauth.register_token_validator(OurTokens())


@app.route("/theirs")
@require_oauth("photos:read")
def read():
    return "in"


@app.route("/theirs/write")
@require_oauth("photos:write")
def write():
    return "in"


if __name__ == "__main__":
    app.run(port=setup["port"])
