/**
 * The REST interface of a running OpenID Foundation conformance suite, as far as the runner needs it.
 *
 * Guarantees that an answer which is not the expected one is an error with the suite's own words in it.
 */

/** The values of a plan's variants, e.g. `{ client_registration: "static_client" }`. */
export type Variant = Readonly<Record<string, string>>;

export interface PlanModule {
  readonly testModule: string;
  readonly variant?: Variant;
}

export type Status = "CREATED" | "CONFIGURED" | "RUNNING" | "WAITING" | "FINISHED" | "INTERRUPTED";
export type Result = "PASSED" | "WARNING" | "REVIEW" | "FAILED" | "SKIPPED" | "UNKNOWN";

export interface TestInfo {
  readonly status: Status;
  readonly result?: Result;
}

/** A line of a test's log. */
export interface LogEntry {
  /** The condition that wrote it. */
  readonly src?: string;
  readonly msg?: string;
  readonly result?: string;
  readonly requirements?: readonly string[];
  /** Name of the place where a screenshot is waited for. */
  readonly upload?: string;
}

/** A page the browser is asked to open. */
export interface Visit {
  readonly url: string;
  readonly method: string;
}

export interface Suite {
  readonly origin: string;
  createPlan(planName: string, variant: Variant, config: unknown): Promise<{ id: string; modules: PlanModule[] }>;
  createTest(plan: string, module: PlanModule): Promise<string>;
  startTest(test: string): Promise<void>;
  info(test: string): Promise<TestInfo>;
  log(test: string): Promise<LogEntry[]>;
  /** Pages that wait to be opened; none once the test is over. */
  visits(test: string): Promise<Visit[]>;
  visited(test: string, url: string): Promise<void>;
  /** Places in the log that wait for a screenshot. */
  placeholders(test: string): Promise<string[]>;
  /** Gives the screenshot (PNG) a placeholder waits for. */
  upload(test: string, placeholder: string, png: Uint8Array): Promise<void>;
}

/** Connects to the suite at this address. Nothing is sent before the first call. */
export function connectSuite(address: string, fetch: typeof globalThis.fetch): Suite {
  const { origin } = new URL(address);
  const call = async (method: string, path: string, query: Variant = {}, body?: string): Promise<unknown> => {
    const url = new URL(path, origin);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const response = await fetch(url, {
      method,
      headers: { accept: "application/json", "content-type": "application/json" },
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 500)}`);
    return text === "" ? undefined : JSON.parse(text);
  };
  const get = (path: string) => call("GET", path);
  return {
    origin,
    async createPlan(planName, variant, config) {
      const query = { planName, variant: JSON.stringify(variant) };
      return (await call("POST", "/api/plan", query, JSON.stringify(config))) as { id: string; modules: PlanModule[] };
    },
    async createTest(plan, { testModule, variant }) {
      const query = { plan, test: testModule, ...(variant === undefined ? {} : { variant: JSON.stringify(variant) }) };
      return ((await call("POST", "/api/runner", query)) as { id: string }).id;
    },
    async startTest(test) {
      await call("POST", `/api/runner/${test}`);
    },
    info: async (test) => (await get(`/api/info/${test}`)) as TestInfo,
    log: async (test) => (await get(`/api/log/${test}`)) as LogEntry[],
    async visits(test) {
      const { browser } = (await get(`/api/runner/${test}`)) as { browser?: { urlsWithMethod?: Visit[] } };
      return browser?.urlsWithMethod ?? [];
    },
    async visited(test, url) {
      await call("POST", `/api/runner/browser/${test}/visit`, { url });
    },
    async placeholders(test) {
      const images = (await get(`/api/log/${test}/images`)) as LogEntry[];
      return images.flatMap(({ upload }) => (upload === undefined ? [] : [upload]));
    },
    async upload(test, placeholder, png) {
      const image = `data:image/png;base64,${Buffer.from(png).toString("base64")}`;
      await call("POST", `/api/log/${test}/images/${placeholder}`, {}, image);
    },
  };
}
