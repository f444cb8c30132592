"""An OAuth 1.0a provider made with oauthlib, on loopback, for the tests of the client.

Reads one JSON object from stdin: {"client_id", "client_secret", "rsa_key"}; prints its port. GET /authorize allows at once for alice,
or answers as some providers do when the person says no (?deny=denied, ?deny=problem). /api says what it was sent, if signed.
"""
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from oauthlib.oauth1 import RequestValidator, WebApplicationServer

client = json.load(sys.stdin)
temporary, verifiers, tokens, nonces = {}, {}, {}, set()


class Validator(RequestValidator):
    enforce_ssl = False
    dummy_client = dummy_request_token = dummy_access_token = "dummydummydummydummydummy"
    allowed_signature_methods = ("HMAC-SHA1", "HMAC-SHA256", "RSA-SHA1", "RSA-SHA256", "PLAINTEXT")

    @property
    def client_key_length(self):
        return 1, 100

    def validate_client_key(self, client_key, request):
        return client_key == client["client_id"]

    def validate_request_token(self, client_key, token, request):
        return token in temporary

    def validate_access_token(self, client_key, token, request):
        return token in tokens

    def validate_timestamp_and_nonce(self, client_key, timestamp, nonce, request, request_token=None, access_token=None):
        fresh = (timestamp, nonce, request_token, access_token) not in nonces
        nonces.add((timestamp, nonce, request_token, access_token))
        return fresh

    def validate_redirect_uri(self, client_key, redirect_uri, request):
        return redirect_uri == "oob" or redirect_uri.startswith("http://127.0.0.1:")

    def validate_requested_realms(self, client_key, realms, request):
        return True

    def validate_realms(self, client_key, token, request, uri=None, realms=None):
        return True

    def validate_verifier(self, client_key, token, verifier, request):
        return verifiers.get(token) == verifier

    def verify_request_token(self, token, request):
        return token in temporary

    def verify_realms(self, token, realms, request):
        return True

    def get_client_secret(self, client_key, request):
        return client["client_secret"]

    def get_rsa_key(self, client_key, request):
        return client["rsa_key"]

    def get_request_token_secret(self, client_key, token, request):
        return temporary[token]["oauth_token_secret"] if token in temporary else ""

    def get_access_token_secret(self, client_key, token, request):
        return tokens[token]["oauth_token_secret"] if token in tokens else ""

    def get_default_realms(self, client_key, request):
        return []

    def get_realms(self, token, request):
        return []

    def get_redirect_uri(self, token, request):
        return temporary[token]["callback"]

    def save_request_token(self, token, request):
        temporary[token["oauth_token"]] = {**token, "callback": request.redirect_uri}

    def save_verifier(self, token, verifier, request):
        verifiers[token] = verifier["oauth_verifier"]

    def save_access_token(self, token, request):
        tokens[token["oauth_token"]] = token

    def invalidate_request_token(self, client_key, request_token, request):
        temporary.pop(request_token, None)
        verifiers.pop(request_token, None)


server = WebApplicationServer(Validator())


class Handler(BaseHTTPRequestHandler):
    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        uri = f"http://{self.headers['Host']}{self.path}"
        asked = uri, self.command, body or None, dict(self.headers)
        path = urlsplit(uri).path
        if path == "/request_token":
            self.send(*server.create_request_token_response(*asked))
        elif path == "/access_token":
            self.send(*server.create_access_token_response(*asked, credentials={"user_id": "alice-1"}))
        elif path == "/authorize":
            self.authorize(uri, asked)
        else:
            valid, request = server.validate_protected_resource_request(*asked)
            said = {"id": "alice-1", "name": "Alice", "method": self.command, "path": self.path, "body": body}
            if not valid:
                said = {"error": "unauthorized"}
            self.send({"Content-Type": "application/json"}, json.dumps(said), 200 if valid else 401)

    def authorize(self, uri, asked):
        query = parse_qs(urlsplit(uri).query)
        token, how = query["oauth_token"][0], query.get("deny", [None])[0]
        if how is None:
            self.send(*server.create_authorization_response(*asked, realms=[]))
            return
        said = f"denied={token}" if how == "denied" else f"oauth_token={token}&oauth_problem=user_refused"
        self.send({"Location": f"{temporary[token]['callback']}?{said}"}, None, 302)

    def send(self, headers, body, status):
        payload = (body or "").encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    do_GET = do_POST = do_PUT = do_DELETE = answer

    def log_message(self, *_):
        pass


http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(http.server_port, flush=True)
http.serve_forever()
