import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A way to a server through this process, where it can be cut. */
export interface TcpProxy {
  /** The url of the server, through this proxy. */
  readonly url: string;
  /** Like a server that is down: connections are cut, and new ones refused. */
  goDown(): Promise<void>;
  comeBack(): Promise<void>;
  close(): Promise<void>;
}

/** Who has to be asked before a chunk from the client goes on to the server. */
export type ClientGate = (chunk: Buffer, wire: Wire) => void;

/** One connection: what its client says is passed on by `forward`, or not. */
export interface Wire {
  readonly client: Socket;
  readonly server: Socket;
  forward(chunk: Buffer): void;
}

const STANDARD_PORTS: Record<string, number> = {
  'postgres:': 5432,
  'redis:': 6379,
  'mysql:': 3306,
  'amqp:': 5672,
};

const forwardAll: ClientGate = (chunk, { forward }) => forward(chunk);

export async function startTcpProxy(serverUrl: string, gate: ClientGate = forwardAll): Promise<TcpProxy> {
  const target = new URL(serverUrl);
  const [host, port] = [
    target.hostname.replace(/^\[|\]$/g, ''),
    Number(target.port || STANDARD_PORTS[target.protocol]),
  ];
  const sockets = new Set<Socket>();
  let proxy = createServer(serve);
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const ownPort = (proxy.address() as AddressInfo).port;

  function serve(client: Socket): void {
    const server = connect({ host, port });
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(socket);
      socket.setNoDelay();
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    client.on('data', (chunk) => gate(chunk, { client, server, forward: (data) => server.write(data) }));
    server.on('data', (chunk) => client.write(chunk));
  }

  async function goDown(): Promise<void> {
    const closed = once(proxy, 'close');
    proxy.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  }

  const url = new URL(serverUrl);
  url.hostname = '127.0.0.1';
  url.port = String(ownPort);
  return {
    url: url.href,
    goDown,
    async comeBack() {
      proxy = createServer(serve);
      proxy.listen(ownPort, '127.0.0.1');
      await once(proxy, 'listening');
    },
    close: async () => {
      if (proxy.listening) await goDown();
    },
  };
}
