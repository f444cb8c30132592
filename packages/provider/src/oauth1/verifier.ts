/**
 * The verifier: proof that whoever asks for token credentials was told so by the person who gave permission (RFC 5849 §2.2, §4.9).
 *
 * It is derived from the temporary credentials, the grant and the server's secret: the store alone gives away none, and there is none
 * before a person decided. For `oob` it is a code people can type.
 */
import { base64url, constantTimeEqual, hmacSha256 } from "@valetkey/protocol/digest";
import type { Op } from "../op.ts";
import { readUserCode, spellUserCode } from "../user-code.ts";

/** What was approved. */
export interface Approved {
  /** Of the temporary credentials. */
  readonly id: string;
  readonly grant: string;
  readonly oob: boolean;
}

/** Makes the verifier. */
export const makeVerifier = ({ secrets }: Pick<Op, "secrets">, approved: Approved): Promise<string> =>
  verifierUnder(secrets[0], approved);

/** Tells whether this is the verifier, whichever of the server's secrets it was made with. */
export async function isVerifier({ secrets }: Pick<Op, "secrets">, approved: Approved, sent: string): Promise<boolean> {
  const text = approved.oob ? (readUserCode(sent) ?? "") : sent;
  const right = await Promise.all(secrets.map((secret) => verifierUnder(secret, approved)));
  return right.some((one) => constantTimeEqual(one, text));
}

async function verifierUnder(secret: string, { id, grant, oob }: Approved): Promise<string> {
  const bytes = await hmacSha256(secret, `valetkey oauth1 verifier ${id} ${grant}`);
  return oob ? spellUserCode(bytes) : base64url(bytes.subarray(0, 24));
}
