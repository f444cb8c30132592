/**
 * Brings the token answers of services that do not follow RFC 6749 §5.1 into its shape.
 *
 * Each function does one thing; they can be chained. Guarantees that nothing is invented that could grant more: a token becomes
 * Bearer only where the service documents that it is, and lifetimes are only read, never lengthened.
 */

type Answer = Record<string, unknown>;
type ReadTokens = (answer: Answer) => Answer;

/** Does one after the other. */
export const chain =
  (...steps: readonly ReadTokens[]): ReadTokens =>
  (answer) =>
    steps.reduce((read, step) => step(read), answer);

/** For services that leave `token_type` out. */
export const bearer: ReadTokens = (answer) =>
  answer.access_token === undefined || answer.token_type !== undefined ? answer : { ...answer, token_type: "Bearer" };

/** Scopes as a list become a text separated by blanks (§3.3); null is as good as absent. */
export const scopes: ReadTokens = (answer) => {
  const { scope, ...rest } = answer;
  if (Array.isArray(scope)) return { ...rest, scope: scope.filter((one) => typeof one === "string").join(" ") };
  return scope === null ? rest : answer;
};

/** `expires_in` as digits becomes a number; 0 and null, which stand for "never" at some services, are left out. */
export const lifetime: ReadTokens = (answer) => {
  const { expires_in, ...rest } = answer;
  if (expires_in === 0 || expires_in === null) return rest;
  if (typeof expires_in === "string" && /^\d{1,10}$/.test(expires_in))
    return { ...rest, expires_in: Number(expires_in) };
  return answer;
};
