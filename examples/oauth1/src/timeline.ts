/**
 * Signed requests from a token you have: read a timeline, post a status. No sign-in, no server of yours.
 *
 *   BIRD_CLIENT_ID=... BIRD_CLIENT_SECRET=... BIRD_TOKEN=... BIRD_TOKEN_SECRET=... npm run timeline
 */
import { pathToFileURL } from "node:url";
import { type OAuth1SessionOptions, oauth1Session } from "@valetkey/client/oauth1-session";

export interface Status {
  readonly id: string;
  readonly text: string;
}

/** Reads the home timeline. An answer that is no success is an error with the status in it. */
export async function readTimeline(credentials: OAuth1SessionOptions, api: string): Promise<Status[]> {
  const session = oauth1Session(credentials);
  const response = await session.fetch(`${api}/statuses/home_timeline.json?count=20`);
  if (response.status !== 200) throw new Error(`the timeline cannot be read: ${response.status}`);
  return (await response.json()) as Status[];
}

/** Posts a status: the form is part of what is signed. */
export async function postStatus(credentials: OAuth1SessionOptions, api: string, text: string): Promise<Status> {
  const body = new URLSearchParams({ status: text });
  const response = await oauth1Session(credentials).fetch(`${api}/statuses/update.json`, { method: "POST", body });
  if (response.status !== 200) throw new Error(`the status was not taken: ${response.status}`);
  return (await response.json()) as Status;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const need = (name: string): string => {
    const value = process.env[name];
    if (value) return value;
    console.error(`Set ${name}. npm run connect shows where a token comes from.`);
    process.exit(3);
  };
  const credentials = {
    client_id: need("BIRD_CLIENT_ID"),
    client_secret: need("BIRD_CLIENT_SECRET"),
    token: need("BIRD_TOKEN"),
    token_secret: need("BIRD_TOKEN_SECRET"),
  };
  const statuses = await readTimeline(credentials, process.env.BIRD_API ?? "http://localhost:4004/1.1");
  for (const { id, text } of statuses) console.log(`${id}  ${text}`);
}
