/** Services that live on one host. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createOAuth } from "../create-oauth.ts";
import { gitea } from "../providers/code.ts";
import { recordingLog } from "./test-app.test.ts";

test("two services on one host are not one issuer: person 1 of the one is not person 1 of the other (AL-03)", () => {
  const { log } = recordingLog();
  const at = (name: string, more: object = {}) =>
    gitea({ name, url: `https://tools.example/${name}`, client_id: "app", client_secret: "s", ...more });
  const create = (...providers: ReturnType<typeof at>[]) =>
    new Set([createOAuth({ providers, baseUrl: "http://localhost", log })]).size;
  assert.throws(() => create(at("one"), at("two")), {
    code: "configuration_invalid",
    message: /one and two|two and one/,
  });
  assert.equal(create(at("one")), 1);
  assert.equal(create(at("one"), at("two", { issuer: "https://tools.example/two" })), 1);
  // One service, registered twice: the people are the same.
  assert.equal(create(at("one"), at("again", { ...at("one"), name: "again" })), 1);
});
