"""Makes certificates for tests, anew each time: an authority, what it signed, and some that nobody else vouches for.

Input, a JSON object on standard input: "signed" names the clients the authority signs for, "self" those that sign for themselves.
Output: {"ca", "server", "clients": {name: {"key", "cert"}}}, all in PEM. The server's is for localhost.
"""
import datetime
import ipaddress
import json
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PEM = serialization.Encoding.PEM
BEGIN = datetime.datetime(2020, 1, 1)
END = datetime.datetime(2049, 12, 31)


def name_of(name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def make(name, issuer=None, *extensions):
    """Gives the key and the certificate of a name, signed by an issuer's key, or by its own."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer_name, issuer_key = issuer or (name, key)
    builder = x509.CertificateBuilder().subject_name(name_of(name)).issuer_name(name_of(issuer_name))
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(BEGIN).not_valid_after(END)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return key, builder.sign(issuer_key, hashes.SHA256())


def pair(key, certificate):
    private = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return {"key": private.decode(), "cert": certificate.public_bytes(PEM).decode()}


asked = json.load(sys.stdin)
ca_key, ca = make("The authority", None, (x509.BasicConstraints(ca=True, path_length=0), True))
authority = ("The authority", ca_key)
hosts = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
server = make("localhost", authority, (x509.SubjectAlternativeName(hosts), False))
clients = {name: pair(*make(name, authority)) for name in asked["signed"]}
clients.update({name: pair(*make(name)) for name in asked["self"]})
json.dump({"ca": ca.public_bytes(PEM).decode(), "server": pair(*server), "clients": clients}, sys.stdout)
