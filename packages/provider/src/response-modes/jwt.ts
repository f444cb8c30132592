/**
 * Answers as signed, perhaps encrypted, JWTs: `query.jwt`, `fragment.jwt`, `form_post.jwt` and `jwt` (JARM §2.1, §2.2, §2.3).
 *
 * Guarantees that such an answer names its issuer and the one client it is for, and ends within minutes (§2.1).
 */
import { jweAlgorithms, jweEncryptions } from "@valetkey/protocol/jwk";
import type { ServerMetadata } from "@valetkey/protocol/metadata";
import { clientKeyMembers } from "../client-keys.ts";
import { type MemberCheck, oneOf } from "../lib/client-members.ts";
import { type Op, signingAlgs } from "../op.ts";
import { protect } from "../protected-answers.ts";
import { formPost } from "./form-post.ts";
import { type Destination, fragment, type Parameters, query, type ResponseMode } from "./response-mode.ts";

/** Seconds an answer may take to the client; §2.1 recommends at most ten minutes. */
const lifetime = 300;

const members: Readonly<Record<string, MemberCheck>> = {
  ...clientKeyMembers,
  authorization_signed_response_alg: oneOf(...signingAlgs),
  authorization_encrypted_response_alg: oneOf(...jweAlgorithms),
  authorization_encrypted_response_enc: oneOf(...jweEncryptions),
};

const metadata = (op: Op): Partial<ServerMetadata> => ({
  authorization_signing_alg_values_supported: [...op.keys.algs],
  authorization_encryption_alg_values_supported: [...jweAlgorithms],
  authorization_encryption_enc_values_supported: [...jweEncryptions],
});

/** The response modes of JARM. `jwt` stands for the one that suits the response type. */
export const jwtResponses: readonly ResponseMode[] = [
  signed("query.jwt", query),
  signed("fragment.jwt", fragment),
  signed("form_post.jwt", formPost),
  signed("jwt", query),
];

function signed(response_mode: string, inner: ResponseMode): ResponseMode {
  const link = inner.link?.bind(inner);
  return {
    response_mode,
    members,
    metadata,
    async send(op, destination, parameters) {
      return inner.send(op, destination, { response: await toJwt(op, destination, parameters) });
    },
    ...(link === undefined
      ? {}
      : {
          link: async (op, destination, parameters) =>
            link(op, destination, { response: await toJwt(op, destination, parameters) }),
        }),
  };
}

async function toJwt(op: Op, { client }: Destination, parameters: Parameters): Promise<string> {
  const exp = Math.floor(op.now() / 1000) + lifetime;
  const present = Object.entries(parameters).filter(([, value]) => value !== undefined);
  return protect(op, client, "authorization", {
    ...Object.fromEntries(present),
    iss: op.issuer,
    aud: client.client_id,
    exp,
  });
}
