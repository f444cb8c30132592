/**
 * What a resource server's check costs: ours, `jose` alone, and `express-oauth2-jwt-bearer`, first by itself, then over HTTP.
 *
 * `npm run bench -- resource [--seconds 1] [--rounds 7] [--alg ES256]`. The server runs in a process of its own; keep-alive, 32 at a time.
 */
import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { Agent, request } from "node:http";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import type { JwsAlgorithm } from "@valetkey/protocol/jose";
import { joseFor, oursFor, passes, signatureFor, theirs } from "./resource-checks.ts";
import { opaque, startBenchIssuer } from "./resource-issuer.ts";
import { alternate, type Contender, printRates, printRatios } from "./rounds.ts";

const { values } = parseArgs({
  args: process.argv.slice(3),
  options: {
    seconds: { type: "string", default: "1" },
    rounds: { type: "string", default: "7" },
    alg: { type: "string", default: "ES256" },
  },
});
const alg = values.alg as JwsAlgorithm;
const measure = { rounds: Number(values.rounds), milliseconds: Number(values.seconds) * 1000 };
console.log(`Node ${process.version}, ${alg}, ${measure.rounds} rounds of ${values.seconds} s, medians`);
const concurrency = 32;

/** One after the other, in this process. */
function alone(name: string, work: () => Promise<void> | void): Contender {
  return {
    name,
    async run(milliseconds) {
      const [start, cpu] = [performance.now(), process.cpuUsage()];
      let count = 0;
      while (performance.now() - start < milliseconds) for (let n = 0; n < 20; n++, count++) await work();
      const { user, system } = process.cpuUsage(cpu);
      return { perSecond: (count / (performance.now() - start)) * 1000, cpu: (user + system) / count };
    },
  };
}

const issuer = await startBenchIssuer(alg);
const ours = oursFor(issuer);
const [jose, peer] = [joseFor(issuer), theirs(issuer, alg)];
const checks = await alternate(
  [
    alone("signature alone", signatureFor(issuer, alg)),
    alone("jose", () => passes(jose, issuer.token)),
    alone("express-oauth2-jwt-bearer", () => passes(peer, issuer.token)),
    alone("ours", () => passes(ours.each, issuer.token)),
    alone("ours, tokens kept", () => passes(ours.kept, issuer.token)),
    alone("ours, introspection kept", () => passes(ours.introspected, opaque)),
  ],
  measure,
);
printRates("The check alone", checks);
printRatios(checks, [
  ["ours", "signature alone"],
  ["ours", "jose"],
  ["ours", "express-oauth2-jwt-bearer"],
  ["ours, tokens kept", "express-oauth2-jwt-bearer"],
  ["ours, introspection kept", "express-oauth2-jwt-bearer"],
]);

interface Target {
  readonly name: string;
  readonly port: number;
  readonly token: string;
}

/** Asks a server as often as it answers, so many requests at a time; every answer is looked at. */
function overHttp({ name, port, token }: Target, server: ChildProcess): Contender {
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
  const options = { agent, host: "127.0.0.1", port, path: "/profile", headers: { Authorization: `Bearer ${token}` } };
  const ask = () =>
    new Promise<void>((done, fail) => {
      const sent = request(options, (answer) => {
        let text = "";
        answer.setEncoding("utf8");
        answer.on("data", (chunk) => {
          text += chunk;
        });
        answer.on("end", () => {
          if (answer.statusCode === 200 && text.startsWith('{"sub":"alice"')) done();
          else fail(new Error(`${name} answered ${answer.statusCode} ${text}`));
        });
      });
      sent.on("error", fail).end();
    });
  const cpuOfServer = async (): Promise<number> => {
    server.send("cpu");
    const [{ cpu }] = (await once(server, "message")) as [{ cpu: NodeJS.CpuUsage }];
    return cpu.user + cpu.system;
  };
  return {
    name,
    async run(milliseconds) {
      const [cpu, start] = [await cpuOfServer(), performance.now()];
      let count = 0;
      const client = async () => {
        while (performance.now() - start < milliseconds) {
          await ask();
          count++;
        }
      };
      await Promise.all(Array.from({ length: concurrency }, client));
      const perSecond = (count / (performance.now() - start)) * 1000;
      return { perSecond, cpu: ((await cpuOfServer()) - cpu) / count };
    },
  };
}

const server = fork(resolve(import.meta.dirname, "resource-servers.ts"), [alg]);
const [{ targets }] = (await once(server, "message")) as [{ targets: readonly Target[] }];
assert.ok(targets.length > 0);
const served = await alternate(
  targets.map((target) => overHttp(target, server)),
  measure,
);
printRates("Over HTTP (the generator on the other core limits the fastest)", served);
printRatios(served, [
  ["ours, node:http", "jose, node:http"],
  ["ours, node:http", "express-oauth2-jwt-bearer, Express"],
  ["ours, node:http, tokens kept", "express-oauth2-jwt-bearer, Express"],
  ["ours, node:http, introspection kept", "express-oauth2-jwt-bearer, Express"],
  ["ours, Express", "express-oauth2-jwt-bearer, Express"],
  ["ours, Express, tokens kept", "express-oauth2-jwt-bearer, Express"],
]);
server.disconnect();
process.exit();
