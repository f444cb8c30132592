/** The server as the example app needs it: the app as a client, and the app's API as a resource with tokens of its own. */
import { defineConfig } from "valetkey/config";

const app = process.env.EXAMPLE_APP_URL ?? "http://localhost:4001";

export default defineConfig({
  clients: [
    {
      client_id: "example-app",
      // Made anew by start.ts at each start and handed to both sides, so there is no secret in the repository.
      client_secret: process.env.EXAMPLE_APP_SECRET,
      client_name: "Example app",
      client_uri: app,
      redirect_uris: [`${app}/auth/callback/valetkey`],
      post_logout_redirect_uris: [`${app}/`],
      grant_types: ["authorization_code", "refresh_token"],
      id_token_signed_response_alg: "ES256",
    },
  ],
  // Short, so that you can watch the app go on after a token has expired.
  lifetimes: { access: Number(process.env.EXAMPLE_ACCESS_SECONDS ?? 60) },
  resources: [{ resource: `${app}/api`, scopes: ["profile"], tokens: "at+jwt" }],
});
