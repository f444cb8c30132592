/**
 * protectResource for NestJS, on Express and on Fastify: the decorators `@RequireOAuth` and `@Token`, and the guard behind them.
 *
 * Nothing of Nest is imported: what is needed of `@nestjs/common` is passed in. Guarantees that a refusal is an exception of Nest's own,
 * with the challenge on the answer, so that filters and interceptors of the application see it as any other.
 */
import type { NodeResponse } from "@valetkey/protocol/node-http";
import { byRequest } from "./lib/by-request.ts";
import { createGate } from "./lib/gate.ts";
import { type MetadataMiddleware, nodeMetadata } from "./lib/node-metadata.ts";
import { certificateOfSocket, presentedByNode } from "./lib/presented.ts";
import type { CheckedRequest } from "./node.ts";
import type { ProtectedResource, RequireOptions, ResourceOptions } from "./protect.ts";
import { readRequirement } from "./requirement.ts";
import type { Scopes, Token } from "./token.ts";

export { type ResourceOptions, type Scopes, subjectKey, type Token } from "./protect.ts";

/** Nest's ExecutionContext, structurally. */
export interface NestContext {
  switchToHttp(): { getRequest<T>(): T; getResponse<T>(): T };
}

/** Nest's CanActivate. */
export interface NestGuard {
  canActivate(context: NestContext): Promise<boolean>;
}

type Decorator = MethodDecorator & ClassDecorator;

/** What is needed of `@nestjs/common`: pass it as a whole, or these three. */
export interface NestFunctions {
  UseGuards(...guards: NestGuard[]): Decorator;
  createParamDecorator(
    factory: (data: unknown, context: NestContext) => unknown,
  ): (...data: unknown[]) => ParameterDecorator;
  readonly HttpException: new (response: Record<string, unknown>, status: number) => Error;
}

export interface NestOptions extends ResourceOptions {
  /**
   * Gives the client's certificate (DER, base64) where a trusted proxy ends the TLS connection; the connection's own unless given. A
   * header that clients can send themselves makes a stolen token as good as before.
   */
  readonly certificate?: (request: CheckedRequest) => string | undefined;
}

export interface NestResource extends Omit<ProtectedResource, "requireOAuth" | "metadata"> {
  /** Guards a controller or one of its methods. */
  RequireOAuth(scopes?: Scopes | RequireOptions, options?: RequireOptions): Decorator;
  /** Gives a method the token; `undefined` where it was optional and absent. */
  Token(): ParameterDecorator;
  /** The guard by itself, for `app.useGlobalGuards(guard("profile"))`. */
  guard(scopes?: Scopes | RequireOptions, options?: RequireOptions): NestGuard;
  /**
   * Serves the RFC 9728 document. Needs the option `metadata`.
   *
   * @example app.use(metadata);
   */
  readonly metadata: MetadataMiddleware;
}

/**
 * Creates the protection of one API; see `protectResource` in `@valetkey/resource`.
 *
 * @example
 * import * as nest from "@nestjs/common";
 * export const { RequireOAuth, Token } = protectResource({ issuer, audience }, nest);
 */
export function protectResource(options: NestOptions, nest: NestFunctions): NestResource {
  const gate = createGate(options);
  const { certificate = ({ socket }) => certificateOfSocket(socket) } = options;
  const guard = (first?: Scopes | RequireOptions, second?: RequireOptions): NestGuard => {
    const requirement = readRequirement(first, second);
    return {
      async canActivate(context) {
        const http = context.switchToHttp();
        const request = http.getRequest<CheckedRequest>();
        const admission = await gate.admit(
          presentedByNode(request, () => certificate(request)),
          requirement,
        );
        const answer = headersOf(http.getResponse<NestResponse>());
        if (admission.refusal !== undefined) {
          for (const [name, value] of admission.refusal.headers) answer.set(name, value);
          throw new nest.HttpException(await bodyOf(admission.refusal), admission.refusal.status);
        }
        for (const [name, value] of Object.entries(admission.headers)) answer.set(name, value);
        if (admission.token !== undefined) request.token = admission.token;
        return true;
      },
    };
  };
  const Token = nest.createParamDecorator(
    (_: unknown, context: NestContext) => context.switchToHttp().getRequest<{ token?: Token }>().token,
  );
  const RequireOAuth: NestResource["RequireOAuth"] = (first, second) => nest.UseGuards(guard(first, second));
  return { ...byRequest(gate), RequireOAuth, Token: () => Token(), guard, metadata: nodeMetadata(gate) };
}

/** Express's answer is Node's; Fastify's has `header`, and Node's in `raw`. */
type NestResponse = NodeResponse | { header(name: string, value: string): unknown; readonly raw: NodeResponse };

const headersOf = (response: NestResponse) => ({
  set: (name: string, value: string) =>
    void ("setHeader" in response ? response.setHeader(name, value) : response.header(name, value)),
});

/** In production a challenge has no body; Nest always sends one. */
async function bodyOf(refusal: Response): Promise<Record<string, unknown>> {
  const text = await refusal.text();
  return text === "" ? { statusCode: refusal.status, message: "Unauthorized" } : JSON.parse(text);
}
