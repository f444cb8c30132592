/**
 * One process with every contender as a server, each on a port of its own; the parent asks which and how much time it took.
 */
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import type { JwsAlgorithm } from "@valetkey/protocol/jose";
import express from "express";
import { joseFor, type Middleware, oursFor, theirs } from "./resource-checks.ts";
import { opaque, startBenchIssuer } from "./resource-issuer.ts";

const alg = process.argv[2] as JwsAlgorithm;
const issuer = await startBenchIssuer(alg);
const answer = JSON.stringify({ sub: "alice", scope: "profile photos:read" });
const ours = oursFor(issuer);

const onNode =
  (middleware: Middleware): RequestListener =>
  (request, response) =>
    void middleware(request as never, response as never, (error) => {
      if (error !== undefined) response.statusCode = 500;
      response.setHeader("Content-Type", "application/json");
      response.end(answer);
    });
const onExpress = (middleware: Middleware): RequestListener => {
  const app = express().disable("x-powered-by").disable("etag");
  app.get("/profile", middleware as express.RequestHandler, (_, response) => void response.type("json").end(answer));
  return app;
};

const contenders: Record<string, readonly [RequestListener, token?: string]> = {
  "node:http without a check": [onNode((_, __, next) => next())],
  "jose, node:http": [onNode(joseFor(issuer))],
  "ours, node:http": [onNode(ours.each)],
  "ours, node:http, tokens kept": [onNode(ours.kept)],
  "ours, node:http, introspection kept": [onNode(ours.introspected), opaque],
  "ours, Express": [onExpress(ours.each)],
  "ours, Express, tokens kept": [onExpress(ours.kept)],
  "express-oauth2-jwt-bearer, Express": [onExpress(theirs(issuer, alg))],
};

const targets: { name: string; port: number; token: string }[] = [];
for (const [name, [listener, token = issuer.token]] of Object.entries(contenders)) {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  targets.push({ name, port: (server.address() as AddressInfo).port, token });
}
process.on("message", () => process.send?.({ cpu: process.cpuUsage() }));
process.on("disconnect", () => process.exit());
process.send?.({ targets });
