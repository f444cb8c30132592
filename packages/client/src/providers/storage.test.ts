/**
 * Dropbox, Box and Nextcloud, as documented.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { plain, registered, signInWith, testDocumented } from "../lib/stand-in.test.ts";
import { box, dropbox, nextcloud } from "./storage.ts";

const dropboxAnswers = (email_verified: boolean) => ({
  "POST https://api.dropboxapi.com/oauth2/token": {
    ...plain,
    token_type: "bearer",
    scope: "account_info.read",
    account_id: "dbid:AAH4",
  },
  "POST https://api.dropboxapi.com/2/users/get_current_account": {
    account_id: "dbid:AAH4f99T0taONIb-OurWxbNQ6ywGRopQngc",
    name: { given_name: "Franz", surname: "Ferdinand", display_name: "Franz Ferdinand (Personal)" },
    email: "franz@dropbox.com",
    email_verified,
  },
});

testDocumented([
  {
    provider: dropbox(registered),
    source: "https://www.dropbox.com/developers/documentation/http/documentation#users-get_current_account",
    answers: dropboxAnswers(false),
    user: {
      sub: "dbid:AAH4f99T0taONIb-OurWxbNQ6ywGRopQngc",
      name: "Franz Ferdinand (Personal)",
      email: "franz@dropbox.com",
      email_verified: false,
    },
  },
  {
    provider: box(registered),
    source: "https://developer.box.com/reference/get-users-me/",
    answers: {
      "POST https://api.box.com/oauth2/token": { ...plain, token_type: "bearer", restricted_to: [] },
      "GET https://api.box.com/2.0/users/me": {
        id: "11446498",
        type: "user",
        name: "Aaron Levie",
        login: "ceo@example.com",
      },
    },
    user: { sub: "11446498", name: "Aaron Levie", email: "ceo@example.com" },
  },
  {
    provider: nextcloud({ ...registered, url: "https://cloud.example.org" }),
    source: "https://docs.nextcloud.com/server/latest/developer_manual/client_apis/OCS/ocs-api-overview.html",
    answers: {
      "POST https://cloud.example.org/apps/oauth2/api/v1/token": { ...plain, user_id: "jane" },
      "GET https://cloud.example.org/ocs/v2.php/cloud/user": {
        ocs: {
          meta: { status: "ok", statuscode: 200 },
          data: { id: "jane", displayname: "Jane Doe", email: "jane@example.test" },
        },
      },
    },
    user: { sub: "jane", name: "Jane Doe", username: "jane", email: "jane@example.test" },
  },
]);

test("Dropbox: what it says about the address is passed on", async () => {
  const { user } = await signInWith(dropbox(registered), { answers: dropboxAnswers(true) });
  assert.equal(user?.email_verified, true);
});
