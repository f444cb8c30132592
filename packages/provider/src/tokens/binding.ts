/**
 * Binding: proof that the caller holds a key, which ends up as `cnf` in its tokens (RFC 7800 §3).
 *
 * Only the bearer form exists so far: a token whoever holds it may use (RFC 6750). The value flows through `issue` and
 * into every token so that a proof of possession has one place to arrive.
 */
export type Binding = { readonly token_type: "Bearer" };

/** The binding of a request that proves nothing. */
export const bearer: Binding = { token_type: "Bearer" };
