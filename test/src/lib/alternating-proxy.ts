/**
 * A proxy in front of several instances of one application that knows no sticky sessions: each request goes to the next one.
 */
import { createServer, request as send } from "node:http";

export interface AlternatingProxy {
  [Symbol.asyncDispose](): Promise<void>;
}

/** Listens on the port and hands each request on, as it came, to one of these ports after the other. */
export async function startAlternatingProxy(port: number, targets: readonly number[]): Promise<AlternatingProxy> {
  let turn = 0;
  const server = createServer((request, response) => {
    const { method, url: path, headers } = request;
    const target = targets[turn++ % targets.length];
    const onward = send({ host: "127.0.0.1", port: target, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      answer.pipe(response);
    });
    onward.on("error", () => response.writeHead(502).end());
    request.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
