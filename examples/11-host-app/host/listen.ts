import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';

export interface ListeningServer {
  readonly port: number;
  /** Answers requests from now on. Before, they get 503. */
  serve(fetch: (request: Request) => Response | Promise<Response>): void;
  close(): Promise<void>;
}

/** Binds a port of the loopback interface. `0`: any free one. */
export async function listen(port: number): Promise<ListeningServer> {
  let answer = (_: Request): Response | Promise<Response> =>
    new Response('The host starts.', { status: 503, headers: { 'retry-after': '1' } });
  const server = createAdaptorServer({ fetch: (request) => answer(request) });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    serve(fetch) {
      answer = fetch;
    },
    async close() {
      await new Promise((resolve) => {
        server.close(resolve);
        if ('closeAllConnections' in server) server.closeAllConnections();
      });
    },
  };
}
