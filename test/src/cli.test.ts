/**
 * The command line: data on standard output, talk on standard error, exit codes that scripts can rely on.
 *
 * It works beside a running server and before its first start, on the same database. Secrets come in by standard input and
 * are shown once.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import { onEachDatabase } from "./lib/each-database.ts";
import { addClient, addUser, callback, codeAndRefresh, useWorld } from "./lib/fixtures.ts";
import { getTokens, introspect, postAs, userinfo } from "./lib/flow.ts";
import { install, serve } from "./lib/server.ts";
import { sideBySide, suite } from "./lib/suites.ts";

sideBySide("the command line", () => {
  onEachDatabase("the command line before the first start", (database) => {
    it("adds people and clients, prints each once as one JSON document, and the server that starts then knows them", async () => {
      const installation = await install({ database: await database.fresh() });
      try {
        const args = ["user", "add", "--email", "Ada@Example.test", "--name", "Ada", "--password-stdin", "--json"];
        const user = await installation.cli(args, "a long password for ada 1\n");
        assert.equal(user.code, 0, user.stderr);
        assert.equal(user.json.email.toLowerCase(), "ada@example.test");
        assert.ok(!user.stdout.includes("a long password"));
        const client = await installation.cli([
          "client",
          "add",
          "--name",
          "App",
          "--redirect-uri",
          callback,
          "--redirect-uri",
          `${callback}/2`,
          "--json",
        ]);
        assert.equal(client.code, 0, client.stderr);
        assert.deepEqual(client.json.redirect_uris, [callback, `${callback}/2`]);
        assert.equal(client.json.client_name, "App");
        assert.ok(client.json.client_secret.length >= 32);
        const shown = await installation.cli(["client", "show", client.json.client_id, "--json"]);
        assert.equal(shown.json.client_id, client.json.client_id);
        assert.equal(shown.json.client_secret, undefined, "shown once");
        assert.ok(!shown.stdout.includes(client.json.client_secret));

        await using server = await serve(installation);
        const ada = {
          email: "ada@example.test",
          name: "Ada",
          password: "a long password for ada 1",
          subject: user.json.subject,
        };
        const app = {
          client_id: client.json.client_id,
          client_secret: client.json.client_secret,
          redirect_uri: callback,
        };
        const tokens = await getTokens(server.issuer, app, { user: ada });
        assert.equal((await userinfo(server.issuer, tokens.access_token)).json.sub, ada.subject);
      } finally {
        await installation.remove();
      }
    });
  });

  onEachDatabase("the command line beside a running server", (database) => {
    const world = useWorld(async () => ({ database: await database.fresh() }));

    it("what it changes holds for the next request: clients, people, tokens", async () => {
      const { server, issuer, alice } = world();
      const app = await addClient(server, { name: "Beside", grant_types: codeAndRefresh });
      const tokens = await getTokens(issuer, app, { user: alice });
      const seen = await server.cli(["token", "introspect", "-", "--json"], `${tokens.access_token}\n`);
      assert.equal(seen.code, 0, seen.stderr);
      assert.equal(seen.json.active, true);
      const ended = await server.cli(["token", "revoke", "-", "--json"], tokens.refresh_token);
      assert.equal(ended.code, 0, ended.stderr);
      assert.equal((await introspect(issuer, app, tokens.access_token)).json.active, false);
      const renamed = await server.cli(["client", "set", app.client_id, "--name", "Renamed", "--json"]);
      assert.equal(renamed.json.client_name, "Renamed");
      const gone = await server.cli(["client", "rm", app.client_id, "--json"]);
      assert.equal(gone.code, 0, gone.stderr);
      assert.equal(
        (await postAs(new URL("/token", issuer), app, { grant_type: "refresh_token", refresh_token: "x" })).status,
        401,
      );
      assert.equal((await server.cli(["client", "show", app.client_id, "--json"])).code, 5);
    });

    it("lists people and clients, and clients of the configuration cannot be changed by command", async () => {
      const { server, conf, alice } = world();
      const people = await server.cli(["user", "list", "--json"]);
      assert.ok((people.json as { email: string }[]).some((one) => one.email === alice.email));
      const clients = await server.cli(["client", "list", "--json"]);
      assert.ok((clients.json as { client_id: string }[]).some((one) => one.client_id === conf.client_id));
      const text = await server.cli(["client", "list"]);
      assert.match(text.stdout, /conf2/);
      const refused = await server.cli(["client", "set", conf.client_id, "--name", "X", "--json"]);
      assert.equal(refused.code, 4, refused.stderr);
    });

    it("disables and enables people", async () => {
      const { server, issuer, conf } = world();
      const max = await addUser(server, "max");
      assert.equal((await server.cli(["user", "disable", max.email, "--json"])).json.disabled, true);
      await assert.rejects(getTokens(issuer, conf, { user: max }));
      assert.equal((await server.cli(["user", "enable", max.email, "--json"])).json.disabled, false);
      await getTokens(issuer, conf, { user: max });
    });

    it("keys: lists, rotates and retires them", async () => {
      const { server } = world();
      const listed = await server.cli(["key", "list", "--json"]);
      assert.equal(listed.code, 0, listed.stderr);
      assert.ok(listed.json.length >= 1);
      assert.doesNotMatch(listed.stdout, /"(d|p|q|private)"/);
      assert.equal((await server.cli(["key", "retire", "no-such-kid", "--json"])).code, 5);
    });
  });

  suite("the command line, when something is wrong", () => {
    const world = useWorld();

    it("exit codes: 2 usage, 3 configuration, 5 not found, 6 conflict, 8 database; errors under --json are one document on standard error", async () => {
      const { server, alice } = world();
      const cases: [number, string[], string?][] = [
        [2, ["no-such-command"]],
        [2, ["user", "add", "--json"]],
        [2, ["client", "add", "--name", "X", "--no-such-flag", "--json"]],
        [2, ["user", "add", "--email", "no address", "--name", "X", "--password-stdin", "--json"], "long enough 1 2 3"],
        [2, ["user", "add", "--email", "x@example.test", "--name", "X", "--password-stdin", "--json"], ""],
        [2, ["client", "add", "--name", "X", "--redirect-uri", "http://rp.test/cb", "--json"]],
        [3, ["user", "list", "--issuer", "http://id.example.org", "--json"]],
        [5, ["user", "show", "nobody@example.test", "--json"]],
        [5, ["client", "rotate", "nobody", "--json"]],
        [5, ["token", "revoke", "nonsense", "--json"]],
        [6, ["user", "add", "--email", alice.email, "--name", "X", "--password-stdin", "--json"], "long enough 1 2 3"],
        [8, ["user", "list", "--database", "postgres://x:y@127.0.0.1:9/none", "--json"]],
      ];
      const check = async ([code, args, input]: (typeof cases)[number]) => {
        const result = await server.cli(args, input);
        assert.equal(result.code, code, `${args.join(" ")}: ${result.code}\n${result.stderr}${result.stdout}`);
        assert.equal(result.stdout, "", args.join(" "));
        assert.doesNotMatch(result.stderr, /^\s+at /m, "a stack trace");
        if (!args.includes("--json")) return;
        const { error } = JSON.parse(result.stderr) as {
          error: { code: string; message: string; hint: string; docs: string };
        };
        assert.match(error.code, /^VK\d{4}$/);
        for (const part of [error.message, error.hint, error.docs])
          assert.ok(typeof part === "string" && part.length > 5);
      };
      await Promise.all(cases.map(check));
    });

    it("without --json an error says what, what was got, and the fix; explain prints the page of its code", async () => {
      const { server } = world();
      const result = await server.cli(["client", "show", "nobody"]);
      assert.equal(result.code, 5);
      assert.match(result.stderr, /✗ (VK\d{4}) .*\n(.*\n)*\s+fix\s/);
      const code = /VK\d{4}/.exec(result.stderr)?.[0] ?? "";
      const page = await server.cli(["explain", code]);
      assert.equal(page.code, 0, page.stderr);
      assert.ok(page.stdout.includes(code));
      assert.equal((await server.cli(["explain", "VK0000"])).code === 0, false);
    });

    it("help and version go to standard output; names from outside cannot steer the terminal", async () => {
      const { server } = world();
      const help = await server.cli(["--help"]);
      assert.equal(help.code, 0);
      for (const word of ["serve", "init", "client", "user", "key", "token", "doctor"])
        assert.match(help.stdout, new RegExp(`\\b${word}\\b`));
      assert.match((await server.cli(["--version"])).stdout, /^\d+\.\d+\.\d+/);
      const evil = await server.cli([
        "client",
        "add",
        "--name",
        "Evil\u001b[31m\u202e",
        "--redirect-uri",
        callback,
        "--json",
      ]);
      assert.ok(evil.code === 0 || evil.code === 2, evil.stderr);
      const listed = await server.cli(["client", "list"]);
      assert.ok(!listed.stdout.includes("\u001b") && !listed.stdout.includes("\u202e"));
    });

    it("doctor finds nothing wrong here, and exits 9 where the secret file is open to everybody or the secret is wrong", async () => {
      const { server } = world();
      const well = await server.cli(["doctor", "--json"]);
      assert.equal(well.code, 0, well.stdout + well.stderr);
      const other = await install({ database: `file:${server.databaseFile}` });
      const ill = await other.cli(["doctor", "--json"]);
      await other.remove();
      assert.equal(ill.code, 9, ill.stdout + ill.stderr);
    });

    it("config print shows the merged configuration and where it came from, without secrets", async () => {
      const { server, conf } = world();
      const printed = await server.cli(["config", "print", "--json"]);
      assert.equal(printed.code, 0, printed.stderr);
      assert.ok(printed.stdout.includes(server.issuer));
      assert.match(printed.stdout, /VALETKEY_ISSUER/);
      for (const secret of [server.secret, conf.client_secret ?? ""]) assert.ok(!printed.stdout.includes(secret));
    });

    it("init writes a configuration that works, and never over one that is there", async () => {
      const installation = await install({ env: { VALETKEY_DATABASE_URL: undefined } });
      try {
        const made = await installation.cli(["init"]);
        assert.equal(made.code, 0, made.stderr);
        const again = await installation.cli(["init"]);
        assert.equal(again.code, 6, `${again.code} ${again.stderr}`);
        await using server = await serve(installation);
        assert.equal((await fetch(new URL("/readyz", server.issuer))).status, 200);
      } finally {
        await installation.remove();
      }
    });
  });
});
