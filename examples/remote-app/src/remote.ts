/**
 * What there is to know about the remote app: where it sends people, where it gives tokens, where its API is, and as whom we are
 * registered there. Flask-OAuth took the same things in `oauth.remote_app(...)`.
 */
export interface RemoteApp {
  /** `authorize_url`. */
  readonly authorization_endpoint: string;
  /** `access_token_url`; the request is always a POST. */
  readonly token_endpoint: string;
  /** `base_url`: relative URLs lie under it, and tokens go nowhere else. */
  readonly api: string;
  /** What says who the person is, relative to `api`. */
  readonly me: string;
  /** `request_token_params={'scope': …}`. */
  readonly scope: string;
  /** `consumer_key`. */
  readonly client_id: string;
  /** `consumer_secret`. */
  readonly client_secret: string;
}

/** Reads the `REMOTE_*` variables; nothing if there is none of them, an error that names what is missing if there are some. */
export function readRemoteApp(env: Readonly<Record<string, string | undefined>>): RemoteApp | undefined {
  const names = {
    authorization_endpoint: "REMOTE_AUTHORIZE_URL",
    token_endpoint: "REMOTE_TOKEN_URL",
    api: "REMOTE_BASE_URL",
    client_id: "REMOTE_CLIENT_ID",
    client_secret: "REMOTE_CLIENT_SECRET",
  };
  const given = Object.values(names).filter((name) => env[name]);
  if (given.length === 0) return undefined;
  const missing = Object.values(names).filter((name) => !env[name]);
  if (missing.length > 0) throw new Error(`${given.join(", ")} needs ${missing.join(", ")} as well`);
  const read = (name: string) => env[name] ?? "";
  return {
    authorization_endpoint: read(names.authorization_endpoint),
    token_endpoint: read(names.token_endpoint),
    api: read(names.api),
    client_id: read(names.client_id),
    client_secret: read(names.client_secret),
    me: env.REMOTE_ME ?? "userinfo",
    scope: env.REMOTE_SCOPE ?? "openid profile offline_access",
  };
}

/** A server of ours as the remote app. */
export const ourServer = (issuer: string, client_id: string, client_secret: string): RemoteApp => ({
  authorization_endpoint: `${issuer}/authorize`,
  token_endpoint: `${issuer}/token`,
  api: issuer,
  me: "userinfo",
  scope: "openid profile offline_access",
  client_id,
  client_secret,
});
