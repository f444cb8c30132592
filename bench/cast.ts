/**
 * Who takes part in every benchmark: the same clients, the same person, the same words, whatever the server.
 *
 * Nothing here is a secret of anybody.
 */

/** The person who is signed in. */
export const person = { email: "ada@example.test", name: "Ada Example", password: "bench of seven long planks" };

/** Where codes are sent; nobody listens there, and nobody needs to. */
export const redirect_uri = "https://app.example.org/callback";

/** RFC 7636: one verifier for all requests. What a server does with it costs the same each time. */
export const code_verifier = "one-verifier-for-all-the-requests-of-the-benchmark-0123456789";
export const code_challenge = "c_4pHvSdzz8UfK33lbcw8m8G0xVLEs7HBS8Mxb3yd0E";

const secret = "kept-by-nobody-0123456789-abcdefghijklmnopqrstuvwxyz";

/** The audience of opaque tokens, and the one of signed tokens, where a server tells them apart. */
export const audiences = { opaque: "https://opaque.example.org", signed: "https://signed.example.org" };

export interface CastClient {
  readonly client_id: string;
  readonly client_secret: string;
}

/** `machine` gets tokens for itself and asks about them; the others sign people in, with ID tokens of that algorithm. */
export const clients = {
  machine: { client_id: "machine", client_secret: secret },
  ES256: { client_id: "web-es256", client_secret: secret },
  RS256: { client_id: "web-rs256", client_secret: secret },
} as const satisfies Readonly<Record<string, CastClient>>;

export type IdTokenAlg = "ES256" | "RS256";

/** RFC 6749 §2.3.1. None of the characters here need encoding. */
export const basic = ({ client_id, client_secret }: CastClient): string =>
  `Basic ${Buffer.from(`${client_id}:${client_secret}`).toString("base64")}`;
