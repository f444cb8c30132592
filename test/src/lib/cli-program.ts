/**
 * A program in a terminal that signs its person in, as somebody would write it. Options of `login` come as JSON in the first
 * argument; the second says what to do. Standard output has the result and nothing else.
 */
import { findLogin, type LoginOptions, login } from "@valetkey/client/cli-login";

const [options = "{}", act = "whoami"] = process.argv.slice(2);
const given = JSON.parse(options) as LoginOptions;

if (act === "logout") {
  const me = await findLogin(given);
  await me?.signOut();
  console.log(me === undefined ? "nobody" : "bye");
} else {
  const me = await login(given);
  const answer = await me.fetch(act === "whoami" ? `${me.issuer}/me` : act);
  console.log(JSON.stringify({ sub: me.user.sub, status: answer.status, body: await answer.json() }));
}
