/**
 * An example of each setting, for whoever wrote one that cannot be used.
 *
 * The one property: what is given is what could be written, never the advice to correct it.
 */

const examples: readonly [RegExp, string][] = [
  [/^secret/, "npx valetkey secret prints one; keep it in VALETKEY_SECRET"],
  [/^issuer$/, 'issuer: "https://id.example.org"'],
  [/^port$/, "port: 4000"],
  [/^host$/, 'host: "127.0.0.1"'],
  [/^workers$/, "workers: 4"],
  [/^database$/, 'database: "file:./data/valetkey.db"'],
  [/^profile$/, 'profile: "openid"'],
  [/^push$/, 'push: "allowed"'],
  [/^signingAlgs/, 'signingAlgs: ["RS256", "ES256", "EdDSA"]'],
  [/^bindings/, 'bindings: ["dpop"]'],
  [/^logout/, 'logout: ["backchannel", "frontchannel"]'],
  [/^extensions/, 'extensions: ["refresh_expiration"]'],
  [/^responseModes/, 'responseModes: ["query", "fragment", "form_post"]'],
  [/^acrs/, 'acrs: ["urn:example:password"]'],
  [/^registration$/, 'registration: "off"'],
  [/^clientIdDocuments/, 'clientIdDocuments: { allow: ["agent.example.org"] }'],
  [/^outbound/, 'outbound: { allow: ["rp.internal:8443"] }'],
  [/^log/, 'log: { level: "info" }'],
  [/^lifetimes$/, 'lifetimes: { access: "10m" }'],
  [/^lifetimes\.code$/, 'code: "60s"'],
  [/^lifetimes\.(\w+)$/, '$1: "10m"'],
  [/^brand$/, 'brand: { name: "Example ID", accent: "#0b57d0" }'],
  [/^brand\.accent$/, 'accent: "#0b57d0"'],
  [/^brand\.name$/, 'name: "Example ID"'],
  [/^grants/, 'grants: ["authorization_code", "refresh_token", "urn:openid:params:grant-type:ciba"]'],
  [/^oauth1$/, "oauth1: true"],
  [/^clientAuth/, 'clientAuth: ["client_secret_basic", "private_key_jwt", "none"]'],
  [/^trustedProxies/, 'trustedProxies: ["10.0.0.0/8"]'],
  [/^helpUrl$/, 'helpUrl: "https://help.example.org"'],
  [/^scopes/, 'scopes: { "photos:read": "See your photos" }'],
  [/^resources\[\d+\]\.resource$/, 'resource: "https://api.example.org"'],
  [/^resources\[\d+\]\.scopes/, 'scopes: ["photos:read"]'],
  [/^resources/, 'resources: [{ resource: "https://api.example.org", scopes: ["photos:read"] }]'],
  [/^clients\[\d+\]\.client_id$/, 'client_id: "wiki"'],
  [/^clients\[\d+\]\.client_secret$/, "npx valetkey secret prints one"],
  [/^clients\[\d+\]\.(\w*redirect_uris)/, '$1: ["https://wiki.example.org/callback"]'],
  [/^clients\[\d+\]\.grant_types/, 'grant_types: ["authorization_code", "refresh_token"]'],
  [/^clients\[\d+\]\.(\w+_uri)$/, '$1: "https://wiki.example.org/"'],
  [/^clients\[\d+\]\.scope$/, 'scope: "openid profile"'],
  [
    /^clients$/,
    'clients: [{ client_id: "wiki", client_secret: "…", redirect_uris: ["https://wiki.example.org/callback"] }]',
  ],
];

/**
 * Gives an example for the setting at a key such as `clients[0].redirect_uris`, written as it was: in the file, as a flag or
 * as a variable (`origin`: `--port`, `env PORT`). Nothing where there is none.
 */
export function exampleFor(key: string, origin = ""): { fix?: string } {
  const found = examples.find(([at]) => at.test(key));
  if (!found) return {};
  const [at, example] = found;
  const value = /^\w+: (?:\{ level: )?"?([^"{}[\]]+)"?(?: \})?$/.exec(example)?.[1];
  if (value !== undefined && origin.startsWith("--")) return { fix: `${origin} ${value}` };
  // What was read from a file is not written as a variable.
  if (value !== undefined && /^env \w+(?<!_FILE)$/.test(origin)) return { fix: `${origin.slice(4)}=${value}` };
  return { fix: example.replace("$1", at.exec(key)?.[1] ?? "") };
}
