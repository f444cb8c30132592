/**
 * What the example's client needs of an SDK, and the client on version 2 of the SDK: it asks for more scope by itself, checks whose
 * answer it got (RFC 9207), and tries the request that was refused once more when it got a better token without the person.
 *
 * Model Context Protocol 2026-07-28 (Authorization, "Step-Up Authorization Flow").
 */
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from "@modelcontextprotocol/client";
import type { SignIn } from "./sign-in.ts";

export interface Connection {
  /** The version of the protocol that both ends speak. */
  readonly version: string | undefined;
  /** Calls a tool, and gives its words. */
  call(name: string, more?: Record<string, unknown>): Promise<string>;
  close(): Promise<void>;
}

/** Connects. `allowed` is told when the person allowed something. */
export type Connect = (url: URL, signIn: SignIn, allowed: () => void) => Promise<Connection>;

/** `fetch` that shows the challenges: what the SDK does next is the answer to them. */
export const showing: typeof fetch = async (input, init) => {
  const answer = await fetch(input, init);
  const challenge = answer.headers.get("www-authenticate");
  const member = (name: string) => new RegExp(`${name}="([^"]*)"`).exec(challenge ?? "")?.[1] ?? "none";
  if (challenge !== null) console.log(`${answer.status} error ${member("error")}, scope ${member("scope")}`);
  return answer;
};

/** With version 2 of the SDK, and the newest version of the protocol the server knows. */
export const connect: Connect = async (url, signIn, allowed) => {
  const transport = () => new StreamableHTTPClientTransport(url, { authProvider: signIn.provider, fetch: showing });
  let current = transport();
  const client = new Client({ name: "photo-helper", version: "0.1.0" }, { versionNegotiation: { mode: "auto" } });
  /** Does it, and once more where somebody had to be sent to the authorization server first. */
  const orAllowed = async <Result>(what: () => Promise<Result>): Promise<Result> => {
    try {
      return await what();
    } catch (error) {
      if (!(error instanceof UnauthorizedError)) throw error;
      await current.finishAuth(await signIn.answer());
      allowed();
      return what();
    }
  };
  await orAllowed(() => {
    current = transport();
    return client.connect(current);
  });
  return {
    version: client.getNegotiatedProtocolVersion(),
    call: async (name, more = {}) => {
      const { content } = await orAllowed(() => client.callTool({ name, arguments: more }));
      return content.map((part) => (part.type === "text" ? part.text : "")).join();
    },
    close: () => client.close(),
  };
};
