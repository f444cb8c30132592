/**
 * Failures a test asks for, and a record of what was asked of the issuer.
 */
import type { EndpointName, Op } from "../op.ts";

/** A URL of the issuer, by the name of its endpoint. `discovery`: the metadata document, under both of its addresses. */
export type FailingEndpoint = EndpointName | "discovery";

/** How it fails: nobody answers, or somebody does with this. */
export type Failure = {
  /** How often; default once. */
  readonly times?: number;
} & (
  | { readonly unreachable: true }
  | {
      /** Default 400 with an `error`, else 503. */
      readonly status?: number;
      /** An answer as RFC 6749 §5.2 has it. */
      readonly error?: string;
      readonly error_description?: string;
      /** An answer of any other kind. */
      readonly body?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
);

/** One request the issuer got. */
export interface SeenRequest {
  /** Absent: a page, or no URL of the issuer. */
  readonly endpoint?: FailingEndpoint;
  readonly method: string;
  readonly url: string;
  /** Absent: nobody answered. */
  readonly status?: number;
}

/** Tells which endpoint a path is. */
export function endpointNames(op: Pick<Op, "urls">): (pathname: string) => FailingEndpoint | undefined {
  const names = new Map(
    Object.entries(op.urls).map(([name, url]) => [new URL(url).pathname, name as EndpointName] as const),
  );
  return (pathname) => (pathname.includes("/.well-known/") ? "discovery" : names.get(pathname));
}

export interface Failures {
  add(endpoint: FailingEndpoint, failure: Failure): void;
  /** Gives the answer of a failure that is due; nothing if none is. Rejects like a network that is down. */
  due(endpoint: FailingEndpoint | undefined): Response | undefined;
}

/** Keeps what is planned for the endpoints of these names; any other is an `Error`, for it would never come. */
export function plannedFailures(names: readonly string[]): Failures {
  const planned = new Map<FailingEndpoint, { failure: Failure; left: number }[]>();
  return {
    add(endpoint, failure) {
      if (!names.includes(endpoint)) throw new Error(`There is no endpoint ${endpoint}: ${names.join(", ")}.`);
      const { times = 1 } = failure;
      planned.set(endpoint, [...(planned.get(endpoint) ?? []), { failure, left: times }]);
    },
    due(endpoint) {
      const next = endpoint === undefined ? undefined : planned.get(endpoint)?.find(({ left }) => left > 0);
      if (next === undefined) return undefined;
      next.left -= 1;
      if ("unreachable" in next.failure)
        throw new TypeError("fetch failed: the test server was told to be unreachable");
      return responseOf(next.failure);
    },
  };
}

function responseOf(failure: Exclude<Failure, { readonly unreachable: true }>): Response {
  const { error, error_description, body, status = error === undefined ? 503 : 400, headers = {} } = failure;
  if (error === undefined)
    return new Response(body ?? "", { status, headers: { "Content-Type": "text/plain", ...headers } });
  const answer = { error, ...(error_description === undefined ? {} : { error_description }) };
  return Response.json(answer, { status, headers: { "Cache-Control": "no-store", ...headers } });
}
