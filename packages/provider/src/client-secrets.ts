/**
 * What is kept of a client's secret: a digest, and for `client_secret_jwt` and OAuth 1.0a the secret itself, encrypted.
 *
 * RFC 6749 §2.3.1, §10.1, OpenID Connect Core §10.1 (a MAC needs the secret on both sides). The key is derived from the server's
 * secret, so a copy of the database alone is of no use. Guarantees that no secret can be read back unless its client was registered
 * for a method that needs it.
 */
import { type Bytes, hkdf } from "@valetkey/protocol/digest";
import { invalidClientMetadata } from "@valetkey/protocol/errors";
import { decryptText, encryptText, JwtError } from "@valetkey/protocol/jose";
import type { ClientMetadata } from "@valetkey/protocol/metadata";
import { digestOf } from "@valetkey/protocol/random";
import type { ClientData } from "./entries.ts";
import { KeysUnreadable } from "./keys.ts";
import { signsWithSecret } from "./oauth1/registered-methods.ts";
import type { Op } from "./op.ts";

/** One secret as it is stored. */
export type KeptSecret = ClientData["secrets"][number];

type SecretRules = Pick<Op, "clientAuth" | "secrets">;

/** What the method a client is registered for wants to be kept; nothing: it has no secret. */
export function secretKindOf(op: Pick<Op, "clientAuth">, metadata: ClientMetadata): "digest" | "readable" | undefined {
  // RFC 5849 §3.4.2: whoever checks a MAC must be able to make it.
  return signsWithSecret(metadata) ? "readable" : secretOfMethod(op, metadata);
}

const secretOfMethod = ({ clientAuth }: Pick<Op, "clientAuth">, metadata: ClientMetadata) =>
  clientAuth.find(({ method }) => method === methodOf(metadata))?.secret;

/**
 * Makes of a secret what is stored for a client with this metadata. RFC 6749 Appendix A.2: printable ASCII. What is kept is a plain
 * digest, so the secret must be too long to guess; otherwise, and for a client that has no use for one, `invalid_client_metadata`.
 */
export async function keepSecret(op: SecretRules, metadata: ClientMetadata, secret: string): Promise<KeptSecret> {
  const kind = secretKindOf(op, metadata);
  if (kind === undefined) {
    throw invalidClientMetadata(`a client with token_endpoint_auth_method ${methodOf(metadata)} has no client_secret`);
  }
  if (!/^[\x20-\x7e]{32,512}$/.test(secret))
    throw invalidClientMetadata("client_secret must be 32 to 512 printable ASCII characters");
  const digest = await digestOf(secret);
  return kind === "digest" ? { digest } : { digest, sealed: await encryptText(await keyFrom(op.secrets[0]), secret) };
}

/** Those of the stored secrets that are of use with this metadata, without what is not needed of them. */
export function usableSecrets(op: Pick<Op, "clientAuth">, metadata: ClientMetadata, secrets: readonly KeptSecret[]) {
  const kind = secretKindOf(op, metadata);
  if (kind === undefined) return [];
  // Whoever begins to sign still authenticates with the secret it had, until it gets one that can be read.
  if (kind === "readable" && secretOfMethod(op, metadata) === "digest") return secrets;
  if (kind === "readable") return secrets.filter(({ sealed }) => sealed !== undefined);
  return secrets.map(({ sealed: _, ...rest }) => rest);
}

/** Reads the secrets of a client that can be read and have not expired. Throws `KeysUnreadable` under a wrong server secret. */
export async function readSecrets(op: Op, { secrets }: ClientData): Promise<string[]> {
  const now = op.now();
  const live = secrets.filter(({ expiresAt }) => expiresAt === undefined || expiresAt > now);
  const keys = await Promise.all(op.secrets.map(keyFrom));
  return Promise.all(live.flatMap(({ sealed }) => (sealed === undefined ? [] : [unsealed(keys, sealed)])));
}

async function unsealed(keys: readonly Bytes[], sealed: string): Promise<string> {
  try {
    return await decryptText(keys, sealed);
  } catch (cause) {
    if (!(cause instanceof JwtError)) throw cause;
    throw new KeysUnreadable("the secret of a client cannot be decrypted with any of the server's secrets", { cause });
  }
}

/** RFC 7591 §2: what leaving it out means. */
const methodOf = ({ token_endpoint_auth_method = "client_secret_basic" }: ClientMetadata) => token_endpoint_auth_method;

const keyFrom = (secret: string): Promise<Bytes> => hkdf(secret, "valetkey client secrets", 32);
