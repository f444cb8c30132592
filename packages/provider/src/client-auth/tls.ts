/**
 * Client authentication by the certificate of the TLS connection: `tls_client_auth` and `self_signed_tls_client_auth`.
 *
 * RFC 8705 §2.1 (a name an authority vouches for), §2.2 (a certificate, or its key, that the client registered), §5. Guarantees
 * that a name in a certificate counts only where the end of the connection verified who signed it, that an expired certificate
 * proves nothing, and that what a request's headers say about certificates is never looked at here.
 */
import { constantTimeEqual } from "@valetkey/protocol/digest";
import { invalidClient, invalidClientMetadata } from "@valetkey/protocol/errors";
import type { Jwk } from "@valetkey/protocol/jwk";
import type { ClientMetadata, ServerMetadata } from "@valetkey/protocol/metadata";
import { aliasesOf, certificateThumbprint } from "../bindings/certificate.ts";
import { clientKeyMembers, keysOfClient } from "../client-keys.ts";
import type { Client } from "../clients.ts";
import { type Certificate, canonicalIp, readCertificate } from "../lib/certificate.ts";
import { type MemberCheck, text } from "../lib/client-members.ts";
import { isDistinguishedName, isNamed } from "../lib/distinguished-name.ts";
import type { Op, Peer } from "../op.ts";
import { type ClientAuthMethod, readBare } from "./method.ts";
import { checkHasKeys } from "./private-key-jwt.ts";

/** `aliases`: the origin where certificates are asked for, if it is another than the issuer's (§5), as for `certificateBound`. */
export interface TlsOptions {
  readonly aliases?: string;
}

/** §2.1.2: how a certificate is recognised; a client registers one of them. */
const names: Readonly<Record<string, (certificate: Certificate, expected: string) => boolean>> = {
  tls_client_auth_subject_dn: ({ subject }, expected) => isNamed(subject, expected),
  tls_client_auth_san_dns: ({ dns }, expected) => dns.some((one) => one.toLowerCase() === expected.toLowerCase()),
  tls_client_auth_san_uri: ({ uri }, expected) => uri.includes(expected),
  tls_client_auth_san_ip: ({ ip }, expected) => ip.some((one) => one === canonicalIp(expected)),
  tls_client_auth_san_email: ({ email }, expected) => email.some((one) => sameMailbox(one, expected)),
};

const name: MemberCheck = (value, member) => {
  text(2048)(value, member);
  const usable =
    member === "tls_client_auth_subject_dn"
      ? isDistinguishedName(String(value))
      : member !== "tls_client_auth_san_ip" || canonicalIp(String(value)) !== undefined;
  if (!usable) throw invalidClientMetadata(`${member} cannot be read`);
  return true;
};

/** `tls_client_auth`: a certificate that names the client and that a trusted authority signed. */
export function tlsClientAuth(options: TlsOptions = {}): ClientAuthMethod {
  return {
    method: "tls_client_auth",
    members: Object.fromEntries(Object.keys(names).map((member) => [member, name])),
    metadata: (op) => announce(op, options),
    read: readConnection,

    async verify(op, { metadata }, _request, _form, peer) {
      const certificate = liveCertificate(op, peer);
      // Anybody can write a certificate with any name in it: it is the signature of an authority that makes it true.
      if (peer.certificateVerified !== true)
        throw invalidClient("nobody has verified who signed the certificate of the connection");
      return Object.entries(names).some(([member, isIn]) => {
        const expected = metadata[member];
        return typeof expected === "string" && isIn(certificate, expected);
      });
    },

    check(metadata) {
      const given = Object.keys(names).filter((member) => metadata[member] !== undefined);
      if (given.length !== 1)
        throw invalidClientMetadata(`tls_client_auth needs exactly one of ${Object.keys(names).join(", ")}`);
    },
  };
}

/** `self_signed_tls_client_auth`: a certificate the client registered, in `x5c` of one of its keys, or one for such a key. */
export function selfSignedTlsClientAuth(options: TlsOptions = {}): ClientAuthMethod {
  return {
    method: "self_signed_tls_client_auth",
    members: clientKeyMembers,
    metadata: (op) => announce(op, options),
    read: readConnection,

    async verify(op, client, _request, _form, peer) {
      const { publicKey } = liveCertificate(op, peer);
      const { certificate = "" } = peer;
      for (const keys of [await registeredKeys(op, client), await registeredKeys(op, client, certificate)]) {
        for (const key of keys) if (await isKeyOf(key, certificate, publicKey)) return true;
      }
      return false;
    },

    check: (metadata: ClientMetadata, provenance) => checkHasKeys(metadata, provenance),
  };
}

function readConnection(request: Request, form: Parameters<typeof readBare>[1], peer: Peer) {
  return peer.certificate === undefined ? undefined : readBare(request, form);
}

function announce(op: Op, { aliases }: TlsOptions): Partial<ServerMetadata> {
  return aliases === undefined ? {} : { mtls_endpoint_aliases: aliasesOf(op, aliases) };
}

function liveCertificate(op: Op, { certificate }: Peer): Certificate {
  const read = certificate === undefined ? undefined : readCertificate(certificate);
  if (read === undefined) throw invalidClient("the certificate of the connection cannot be read");
  const now = op.now();
  if (now < read.notBefore || now > read.notAfter)
    throw invalidClient("the certificate of the connection has expired or does not count yet");
  return read;
}

/** The client's keys; with a certificate that was not among them its `jwks_uri` is read again, as for an unknown `kid`. */
async function registeredKeys(op: Op, client: Client, unknown?: string): Promise<readonly Jwk[]> {
  const keys = keysOfClient(op, client);
  if (typeof keys !== "function") return unknown === undefined ? (keys?.keys ?? []) : [];
  // §2.2.2: a client exchanges its certificate by publishing the new one.
  if (unknown !== undefined) await keys({ alg: "", kid: await certificateThumbprint(unknown) });
  return keys({ alg: "" });
}

/** §2.2.2: the certificate itself if one was registered with the key, or else one for the key. */
async function isKeyOf(key: Jwk, certificate: string, publicKey: Uint8Array): Promise<boolean> {
  if (Array.isArray(key.x5c)) return key.x5c[0] === certificate;
  const encoded = await encodedKey(key);
  return encoded !== undefined && constantTimeEqual(encoded, publicKey);
}

/** SubjectPublicKeyInfo of a JWK; nothing for keys that are in no certificate. */
async function encodedKey(key: Jwk): Promise<Uint8Array | undefined> {
  const algorithm =
    key.kty === "RSA"
      ? { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }
      : key.kty === "EC"
        ? { name: "ECDSA", namedCurve: key.crv ?? "" }
        : { name: "Ed25519" };
  const { kty, crv, n, e, x, y } = key;
  // Whatever else the key says about itself (alg, use, key_ops) is no part of what is compared.
  const bare = Object.fromEntries(Object.entries({ kty, crv, n, e, x, y }).filter(([, value]) => value !== undefined));
  try {
    return new Uint8Array(
      await crypto.subtle.exportKey("spki", await crypto.subtle.importKey("jwk", bare, algorithm, true, ["verify"])),
    );
  } catch {
    return undefined;
  }
}

/** RFC 5321 §2.4: the host is the same in capitals, who is there may not be. */
function sameMailbox(one: string, other: string): boolean {
  const at = one.lastIndexOf("@");
  const canonical = (text: string, place: number) => text.slice(0, place) + text.slice(place).toLowerCase();
  return at > 0 && canonical(one, at) === canonical(other, other.lastIndexOf("@"));
}
