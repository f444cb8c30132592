/**
 * An OAuth 2 provider that forgives nothing: each refresh token works once, and a second use ends the permission for good.
 *
 * It takes its time, so that whoever asks without waiting for others is caught. RFC 6749 §6, RFC 9700 §4.14.2.
 */
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

export interface StrictIssuer extends AsyncDisposable {
  readonly url: string;
  /** Refresh requests so far. */
  refreshes(): number;
}

/** The first access token is over when it arrives; those that come from a refresh last an hour. */
export async function startStrictIssuer(answerTime: number): Promise<StrictIssuer> {
  const live = new Map<string, { cut: boolean }>();
  const access = new Set<string>();
  const spent = new Map<string, { cut: boolean }>();
  let refreshes = 0;
  const grant = (permission: { cut: boolean }, expires_in: number) => {
    const [access_token, refresh_token] = [`at-${randomUUID()}`, `rt-${randomUUID()}`];
    access.add(access_token);
    live.set(refresh_token, permission);
    return { access_token, token_type: "Bearer", expires_in, refresh_token };
  };
  const server = createServer(async (req, res) => {
    const at = new URL(req.url ?? "/", "http://issuer");
    const json = (status: number, value: unknown) =>
      res.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(value));
    if (at.pathname === "/authorize") {
      const back = new URL(at.searchParams.get("redirect_uri") ?? "");
      back.search = `${new URLSearchParams({ code: randomUUID(), state: at.searchParams.get("state") ?? "" })}`;
      return void res.writeHead(303, { Location: back.href }).end();
    }
    if (at.pathname === "/api") return json(access.has(req.headers.authorization?.slice(7) ?? "") ? 200 : 401, {});
    let body = "";
    for await (const chunk of req) body += chunk;
    const form = new URLSearchParams(body);
    if (form.get("grant_type") === "authorization_code") return json(200, grant({ cut: false }, 0));
    refreshes += 1;
    const token = form.get("refresh_token") ?? "";
    const permission = live.get(token);
    live.delete(token);
    if (permission !== undefined) spent.set(token, permission);
    const replayed = permission === undefined ? spent.get(token) : undefined;
    if (replayed !== undefined) replayed.cut = true;
    await pause(answerTime);
    if (permission === undefined || permission.cut) return json(400, { error: "invalid_grant" });
    return json(200, grant(permission, 3600));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    refreshes: () => refreshes,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
