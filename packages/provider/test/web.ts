/**
 * Hosts elsewhere for the specification files: what the provider's `fetch` finds, and what it asked for.
 */

type Answer = Response | Error | object;

export interface Web {
  /** What there is at a URL: a document, a response, an error, or whatever a function says. */
  readonly at: Map<string, Answer | (() => Answer | Promise<Answer>)>;
  /** URLs in the order in which they were fetched. */
  readonly asked: string[];
  readonly fetch: typeof fetch;
}

/** Makes one with these documents, served as `application/json`. */
export function createWeb(documents: Readonly<Record<string, Answer>> = {}): Web {
  const at: Web["at"] = new Map(Object.entries(documents));
  const asked: string[] = [];
  return {
    at,
    asked,
    async fetch(input) {
      const url = String(input);
      asked.push(url);
      const there = at.get(url) ?? new Response(null, { status: 404 });
      const answer = typeof there === "function" ? await there() : there;
      if (answer instanceof Error) throw answer;
      return answer instanceof Response ? copyOf(answer) : json(answer);
    },
  };
}

/** Served again and again: a clone would wait for the other half whenever somebody does not read its body. */
async function copyOf(response: Response): Promise<Response> {
  const { status, headers } = response;
  const bytes = kept.get(response) ?? (response.body === null ? null : await response.arrayBuffer());
  kept.set(response, bytes);
  return new Response(bytes, { status, headers });
}

const kept = new WeakMap<Response, ArrayBuffer | null>();

/** A document as a host would serve it. */
export function json(body: unknown, headers: Record<string, string> = {}, status = 200): Response {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return new Response(text, { status, headers: { "content-type": "application/json", ...headers } });
}
