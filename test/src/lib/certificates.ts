/**
 * Certificates made at test time, by Debian's Python: Node makes keys but no certificates.
 */
import { execFile } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { resolve } from "node:path";
import { python, skipWithout } from "@valetkey/test-support/python";

/** A key and its certificate, in PEM. */
export interface Pair {
  readonly key: string;
  readonly cert: string;
}

export interface Certificates<Name extends string> {
  readonly ca: string;
  /** For localhost. */
  readonly server: Pair;
  readonly clients: Readonly<Record<Name, Pair>>;
}

/** For tests that need certificates. */
export const skip = skipWithout(["cryptography"], ["python3-cryptography"]);

/** Makes certificates by name: those an authority signed, and those that signed themselves. */
export async function makeCertificates<Name extends string>(names: {
  readonly signed: readonly Name[];
  readonly self: readonly Name[];
}): Promise<Certificates<Name>> {
  const script = resolve(import.meta.dirname, "../../src/lib/certificates.py");
  return new Promise((done, fail) => {
    const child = execFile(python, [script], (error, out) => (error ? fail(error) : done(JSON.parse(out))));
    child.stdin?.end(JSON.stringify(names));
  });
}

/** What a token is bound to: the SHA-256 of the certificate in DER, as in `cnf["x5t#S256"]` (RFC 8705 §3.1). */
export const certificateThumbprint = ({ cert }: Pair): string =>
  createHash("sha256").update(new X509Certificate(cert).raw).digest("base64url");

/** The certificate as it is registered in a client's `jwks` (RFC 8705 §2.2.2). */
export function jwkOfCertificate({ cert }: Pair): Record<string, unknown> {
  const certificate = new X509Certificate(cert);
  return { ...certificate.publicKey.export({ format: "jwk" }), x5c: [certificate.raw.toString("base64")] };
}
