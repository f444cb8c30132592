/**
 * @node-oauth/oauth2-server on Express with a durable SQLite model; sessions, introspection, userinfo and ID tokens, which it leaves to
 * the application, are this application's.
 *
 * Argument: the file.
 */
import type { AddressInfo } from "node:net";
import OAuth2Server from "@node-oauth/oauth2-server";
import express, { type Request, type Response } from "express";
import { person } from "../cast.ts";
import { ready } from "../target.ts";
import { openModel } from "./node-oauth-model.ts";

const [file = ""] = process.argv.slice(2);
const app = express().disable("x-powered-by").disable("etag");
const server = app.listen(0, "127.0.0.1", () => {
  const { port } = server.address() as AddressInfo;
  const { model, sessions, clientOf } = openModel(file, `http://localhost:${port}`);
  const oauth = new OAuth2Server({ model, accessTokenLifetime: 900, refreshTokenLifetime: 14 * 86_400 });

  const answer = (response: Response, { headers, status, body }: OAuth2Server.Response) => {
    response.set(headers);
    if (headers?.location !== undefined) return void response.status(302).end();
    response.status(status ?? 200).json(body);
  };
  const refuse = (response: Response, error: unknown) => {
    const { code = 500, name = "server_error", message } = error as { code?: number; name?: string; message?: string };
    response.status(code).json({ error: name, error_description: message });
  };
  const run =
    (work: (request: Request, response: Response) => Promise<void>) => (request: Request, response: Response) =>
      work(request, response).catch((error: unknown) => refuse(response, error));

  app.use(express.urlencoded({ extended: false }), express.json());
  app.post("/login", (request, response) => {
    const { email, password } = request.body as Record<string, string>;
    if (email !== person.email || password !== person.password) return void response.status(401).end();
    response.cookie("sid", sessions.begin("ada"), { httpOnly: true, sameSite: "lax" }).json({});
  });
  app.get(
    "/authorize",
    run(async (request, response) => {
      const sid = /(?:^|; )sid=([^;]*)/.exec(request.headers.cookie ?? "")?.[1];
      const user = sid === undefined ? undefined : sessions.find(sid);
      if (user === undefined) return void response.status(401).json({ error: "login_required" });
      const given = new OAuth2Server.Response({ headers: {} });
      const authenticateHandler = { handle: () => user };
      await oauth.authorize(new OAuth2Server.Request(request), given, {
        authenticateHandler,
        authorizationCodeLifetime: 60,
      });
      answer(response, given);
    }),
  );
  app.post(
    "/token",
    run(async (request, response) => {
      const given = new OAuth2Server.Response({ headers: {} });
      await oauth.token(new OAuth2Server.Request(request), given, {
        allowExtendedTokenAttributes: true,
        alwaysIssueNewRefreshToken: true,
      });
      answer(response, given);
    }),
  );
  app.post(
    "/introspect",
    run(async (request, response) => {
      const [id = "", secret = ""] = Buffer.from(request.headers.authorization?.slice(6) ?? "", "base64")
        .toString()
        .split(":");
      if (clientOf(id, secret) === undefined) return void response.status(401).json({ error: "invalid_client" });
      const token = await model.getAccessToken(String((request.body as { token?: unknown }).token));
      if (!token || (token.accessTokenExpiresAt?.getTime() ?? 0) <= Date.now())
        return void response.json({ active: false });
      response.json({
        active: true,
        client_id: token.client.id,
        scope: token.scope?.join(" "),
        sub: token.user.id,
        token_type: "Bearer",
        exp: Math.floor((token.accessTokenExpiresAt?.getTime() ?? 0) / 1000),
      });
    }),
  );
  const me = async (request: Request, response: Response) => {
    const { user } = await oauth.authenticate(new OAuth2Server.Request(request), new OAuth2Server.Response(response));
    response.json({ sub: user.id, name: person.name, email: person.email });
  };
  app.get("/userinfo", run(me));
  const api = async (request: Request, response: Response) => {
    const { client } = await oauth.authenticate(new OAuth2Server.Request(request), new OAuth2Server.Response(response));
    response.json({ client_id: client.id });
  };
  app.get("/api", run(api));
  ready({
    port,
    able: ["token", "introspect", "code-ES256", "code-RS256", "refresh", "userinfo", "flow", "api-opaque"],
    paths: { token: "/token", introspect: "/introspect", authorize: "/authorize", userinfo: "/userinfo", api: "/api" },
    signIn: { path: "/login", json: { email: person.email, password: person.password } },
    started: performance.now(),
  });
});
